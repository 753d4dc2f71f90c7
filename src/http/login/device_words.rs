//! What the pages say on which somebody lets in a device, in each language. Knows sentences; does not know HTML.

use super::language::Language;

/// The sentences of the pages.
#[derive(Debug)]
pub(super) struct Words {
    pub(super) title: &'static str,
    pub(super) write: &'static str,
    pub(super) next: &'static str,
    pub(super) unknown: &'static str,
    pub(super) ask: &'static str,
    /// RFC 8628 §5.4: whoever is sent a code by others is asked to let in their device.
    pub(super) warning: &'static str,
    pub(super) app: &'static str,
    pub(super) code: &'static str,
    pub(super) person: &'static str,
    pub(super) go_on: &'static str,
    pub(super) refuse: &'static str,
    /// A heading and what to do now.
    pub(super) let_in: [&'static str; 2],
    /// The same.
    pub(super) refused: [&'static str; 2],
}

impl Words {
    pub(super) fn of(language: Language) -> Self {
        match language {
            Language::English => ENGLISH,
            Language::Japanese => JAPANESE,
            Language::French => FRENCH,
        }
    }
}

const ENGLISH: Words = Words {
    title: "Sign in on a device",
    write: "The code that the device shows",
    next: "Continue",
    unknown: "No device shows this code now. Compare it with the device; after ten minutes a device has to begin anew.",
    ask: "Sign in on this device as you?",
    warning: "Continue only if you began this yourself and the device in front of you shows the same code. If somebody sent you the code or a link to this page, refuse: you would be letting them in as you.",
    app: "App",
    code: "Code",
    person: "As",
    go_on: "Sign in on the device",
    refuse: "Refuse",
    let_in: ["The device goes on by itself", "You can close this page and go back to the device."],
    refused: ["The device was not let in", "If somebody sent you the code, tell your administrator."],
};

const JAPANESE: Words = Words {
    title: "デバイスでサインイン",
    write: "デバイスに表示されているコード",
    next: "続ける",
    unknown: "このコードを表示しているデバイスはありません。デバイスの表示と見比べてください。10分を過ぎると、デバイスで最初からやり直す必要があります。",
    ask: "このデバイスにあなたとしてサインインしますか？",
    warning: "ご自身で始めた操作で、目の前のデバイスに同じコードが表示されている場合だけ続けてください。コードやこのページへのリンクを誰かから受け取った場合は、拒否してください。その人があなたとしてサインインしてしまいます。",
    app: "アプリ",
    code: "コード",
    person: "ユーザー",
    go_on: "デバイスでサインインする",
    refuse: "拒否する",
    let_in: ["デバイスでの操作が続きます", "このページを閉じて、デバイスにお戻りください。"],
    refused: [
        "デバイスは許可されませんでした",
        "コードを誰かから受け取った場合は、管理者にお知らせください。",
    ],
};

const FRENCH: Words = Words {
    title: "Se connecter sur un appareil",
    write: "Le code affiché par l’appareil",
    next: "Continuer",
    unknown: "Aucun appareil n’affiche ce code en ce moment. Comparez-le avec l’appareil ; après dix minutes, il faut y recommencer.",
    ask: "Vous connecter sur cet appareil ?",
    warning: "Ne continuez que si vous avez commencé vous-même et que l’appareil devant vous affiche le même code. Si quelqu’un vous a envoyé ce code ou un lien vers cette page, refusez : vous lui ouvririez l’accès en votre nom.",
    app: "Application",
    code: "Code",
    person: "En tant que",
    go_on: "Se connecter sur l’appareil",
    refuse: "Refuser",
    let_in: ["L’appareil continue de lui-même", "Vous pouvez fermer cette page et retourner à l’appareil."],
    refused: [
        "L’appareil n’a pas été connecté",
        "Si quelqu’un vous a envoyé le code, prévenez votre administrateur.",
    ],
};
