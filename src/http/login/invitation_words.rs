//! What the pages about invitations say, in each language. Knows sentences; does not know HTTP.

use super::language::Language;
use super::passkey_words::PasskeyWords;

/// Where somebody comes with a link.
pub(super) fn of_link(language: Language) -> PasskeyWords {
    PasskeyWords::new(
        language,
        match language {
            Language::English => ["Your invitation", "Your link is being checked.", "Continue"],
            Language::Japanese => ["招待", "リンクを確認しています。", "続ける"],
            Language::French => ["Votre invitation", "Votre lien est en cours de vérification.", "Continuer"],
        },
    )
}

/// Where somebody accepts by registering a passkey.
pub(super) fn of_passkey(language: Language) -> PasskeyWords {
    PasskeyWords::new(
        language,
        match language {
            Language::English => [
                "Accept your invitation",
                "Register a passkey to accept: you will sign in with it. Keep it somewhere safe.",
                "Accept and register",
            ],
            Language::Japanese => [
                "招待を承諾する",
                "パスキーを登録すると招待を承諾したことになり、以後はこのパスキーでサインインします。安全な場所に保管してください。",
                "承諾して登録する",
            ],
            Language::French => [
                "Accepter votre invitation",
                "Enregistrez une clé d’accès pour accepter : elle vous servira à vous connecter. Gardez-la en lieu sûr.",
                "Accepter et enregistrer",
            ],
        },
    )
}

/// The text of the pages about links for several.
#[derive(Debug)]
pub(super) struct JoinWords {
    pub(super) title: &'static str,
    pub(super) explained: &'static str,
    pub(super) address: &'static str,
    pub(super) name: &'static str,
    pub(super) button: &'static str,
}

impl JoinWords {
    /// Where somebody says their address.
    pub(super) fn of_form(language: Language) -> Self {
        let [title, explained, address, name, button] = match language {
            Language::English => [
                "Join by this link",
                "Say who you are: you get an invitation of your own.",
                "E-mail address",
                "Name",
                "Go on",
            ],
            Language::Japanese => [
                "このリンクから参加する",
                "メールアドレスとお名前を入力してください。あなた宛ての招待を作成します。",
                "メールアドレス",
                "お名前",
                "次へ",
            ],
            Language::French => [
                "Rejoindre par ce lien",
                "Dites qui vous êtes : vous recevez une invitation à votre nom.",
                "Adresse e-mail",
                "Nom",
                "Continuer",
            ],
        };
        Self { title, explained, address, name, button }
    }

    /// What somebody reads whose invitation is on its way.
    pub(super) fn of_mail(language: Language) -> Self {
        let [title, explained] = match language {
            Language::English => [
                "Look in your mail",
                "If you can join with this address, a mail with your invitation is on its way. You can close this page.",
            ],
            Language::Japanese => [
                "メールをご確認ください",
                "このアドレスで参加できる場合は、招待メールをお送りします。このページは閉じてかまいません。",
            ],
            Language::French => [
                "Consultez votre messagerie",
                "Si cette adresse permet de rejoindre, un message avec votre invitation est en route. Vous pouvez fermer cette page.",
            ],
        };
        Self { title, explained, address: "", name: "", button: "" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_language_has_its_own_words() {
        for of in [of_link, of_passkey] {
            let all = [Language::English, Language::Japanese, Language::French].map(|it| of(it).title);
            assert_eq!(all.iter().collect::<std::collections::BTreeSet<_>>().len(), 3, "{all:?}");
        }
    }
}
