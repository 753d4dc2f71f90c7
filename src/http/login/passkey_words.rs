//! What the pages about passkeys say, in each language. Knows sentences; does not know HTTP.

use super::language::Language;

/// The text of a page.
#[derive(Debug)]
pub(super) struct PasskeyWords {
    pub(super) title: &'static str,
    pub(super) explained: &'static str,
    pub(super) button: &'static str,
    pub(super) failed: &'static str,
    pub(super) no_script: &'static str,
    pub(super) name: &'static str,
    pub(super) suggested: &'static str,
}

impl PasskeyWords {
    /// Where somebody signs in.
    pub(super) fn of_sign_in(language: Language) -> Self {
        Self::new(
            language,
            match language {
                Language::English => [
                    "Sign in with a passkey",
                    "For administrators who have registered one. Every sign-in here is reported to your organisation.",
                    "Use my passkey",
                ],
                Language::Japanese => [
                    "パスキーでサインイン",
                    "パスキーを登録した管理者専用です。ここでのサインインは毎回組織に通知されます。",
                    "パスキーを使う",
                ],
                Language::French => [
                    "Se connecter avec une clé d’accès",
                    "Pour les administrateurs qui en ont enregistré une. Chaque connexion ici est signalée à votre organisation.",
                    "Utiliser ma clé d’accès",
                ],
            },
        )
    }

    /// Where somebody comes with a link.
    pub(super) fn of_invitation(language: Language) -> Self {
        Self::new(
            language,
            match language {
                Language::English => ["Register a passkey", "Your link is being checked.", "Continue"],
                Language::Japanese => ["パスキーの登録", "リンクを確認しています。", "続ける"],
                Language::French => {
                    ["Enregistrer une clé d’accès", "Votre lien est en cours de vérification.", "Continuer"]
                }
            },
        )
    }

    /// Where somebody registers a passkey.
    pub(super) fn of_registration(language: Language) -> Self {
        Self::new(
            language,
            match language {
                Language::English => [
                    "Register a passkey",
                    "With it you can sign in when your organisation’s sign-in does not work. Keep it somewhere safe.",
                    "Register",
                ],
                Language::Japanese => [
                    "パスキーの登録",
                    "組織のサインインが使えないときに、このパスキーでサインインできます。安全な場所に保管してください。",
                    "登録する",
                ],
                Language::French => [
                    "Enregistrer une clé d’accès",
                    "Elle vous permet de vous connecter quand la connexion de votre organisation ne fonctionne pas. Gardez-la en lieu sûr.",
                    "Enregistrer",
                ],
            },
        )
    }

    /// What somebody reads who has registered one.
    pub(super) fn of_success(language: Language) -> Self {
        Self::new(
            language,
            match language {
                Language::English => {
                    ["Your passkey is registered", "The link is used up. You can close this page.", ""]
                }
                Language::Japanese => {
                    ["パスキーを登録しました", "リンクは使用済みです。このページは閉じてかまいません。", ""]
                }
                Language::French => [
                    "Votre clé d’accès est enregistrée",
                    "Le lien ne peut plus servir. Vous pouvez fermer cette page.",
                    "",
                ],
            },
        )
    }

    pub(super) fn new(language: Language, [title, explained, button]: [&'static str; 3]) -> Self {
        let [failed, no_script, name, suggested] = match language {
            Language::English => [
                "That did not work. Check that your passkey is at hand and that the link is complete, then try again.",
                "Passkeys need JavaScript. Allow it for this site, then load the page again.",
                "Name of this passkey",
                "Passkey",
            ],
            Language::Japanese => [
                "うまくいきませんでした。パスキーが手元にあること、リンクが完全であることを確認して、もう一度お試しください。",
                "パスキーにはJavaScriptが必要です。このサイトで許可してから、ページを再読み込みしてください。",
                "このパスキーの名前",
                "パスキー",
            ],
            Language::French => [
                "Cela n’a pas fonctionné. Vérifiez que votre clé d’accès est à portée de main et que le lien est complet, puis réessayez.",
                "Les clés d’accès ont besoin de JavaScript. Autorisez-le pour ce site, puis rechargez la page.",
                "Nom de cette clé d’accès",
                "Clé d’accès",
            ],
        };
        Self { title, explained, button, failed, no_script, name, suggested }
    }
}
