//! What a page says to whoever has left, or was to leave and has not, in each language. Knows sentences; does not know HTTP.

use super::language::Language;
use super::words::Words;

/// To somebody whose provider's request to sign them out did not hold.
pub(super) fn still_signed_in(language: Language) -> [&'static str; 3] {
    match language {
        Language::English => [
            "You were not signed out here",
            "The request to sign you out did not pass our checks, so your session here goes on if you had one.",
            "Sign out in the product itself, or close all windows of this browser. Tell your administrator the reference below.",
        ],
        Language::Japanese => [
            "サインアウトできませんでした",
            "サインアウトの要求を検証できなかったため、このサービスのセッションがある場合は続いています。",
            "製品の画面からサインアウトするか、このブラウザーのウィンドウをすべて閉じてください。下の参照コードを管理者にお伝えください。",
        ],
        Language::French => [
            "Vous n’avez pas été déconnecté ici",
            "La demande de déconnexion n’a pas passé nos contrôles ; si vous aviez une session ici, elle continue.",
            "Déconnectez-vous depuis le produit ou fermez toutes les fenêtres de ce navigateur. Transmettez la référence ci-dessous à votre administrateur.",
        ],
    }
}

impl Words {
    /// What somebody reads who has left, here for sure and at their provider or not.
    pub(super) fn of_leaving(language: Language, everywhere: bool) -> Self {
        let [title, happened, to_do] = match (language, everywhere) {
            (Language::English, false) => [
                "You are signed out here",
                "Your session here has ended. Your organisation’s sign-in did not confirm that all of its sessions have.",
                "Close all windows of this browser if others use it too.",
            ],
            (Language::Japanese, false) => [
                "このサービスからサインアウトしました",
                "このサービスのセッションは終了しましたが、組織のサインインですべてのセッションが終了したことは確認できませんでした。",
                "ほかの人もこのブラウザーを使う場合は、すべてのウィンドウを閉じてください。",
            ],
            (Language::French, false) => [
                "Vous êtes déconnecté ici",
                "Votre session ici est terminée. Votre organisation n’a pas confirmé que toutes les siennes le sont.",
                "Fermez toutes les fenêtres de ce navigateur si d’autres personnes l’utilisent.",
            ],
            (Language::English, true) => [
                "You are signed out",
                "Your session here and the one at your organisation’s sign-in have ended.",
                "You can close this window.",
            ],
            (Language::Japanese, true) => [
                "サインアウトしました",
                "このサービスと組織のサインインの両方のセッションが終了しました。",
                "このウィンドウを閉じてかまいません。",
            ],
            (Language::French, true) => [
                "Vous êtes déconnecté",
                "Votre session ici et celle auprès de votre organisation sont terminées.",
                "Vous pouvez fermer cette fenêtre.",
            ],
        };
        Self { title, happened: happened.to_owned(), to_do }
    }
}
