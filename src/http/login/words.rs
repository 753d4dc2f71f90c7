//! What a page says, in each language: what happened, and what to do. Knows sentences; does not know HTTP.

use app::{AppError, Refusal};

use super::super::error::Refused;
use super::language::Language;
use super::leaving_words;
use super::way_words::Way;

/// What a person has run into, as far as they can act on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Situation {
    UnknownDoor,
    NoFlow,
    Paused,
    Trial,
    Way(Way),
    StillSignedIn,
    ProviderTrouble,
    Declined,
    NotVerified,
    NotProvisioned,
    DomainUnverified,
    AboveLimit,
    LinkedToAnother,
    Inactive,
    Waiting { position: u32 },
    NoSeat,
    TooMany,
    NotFound,
    Unusable,
    Unavailable,
    Broken,
}

impl Situation {
    /// The situation behind a refusal.
    pub(super) fn of(refused: &Refused) -> Self {
        match refused {
            Refused::App(AppError::SignIn(refusal)) => Self::of_sign_in(refusal),
            Refused::App(AppError::Unavailable(_)) => Self::Unavailable,
            Refused::Limited(_) | Refused::App(AppError::Busy(_)) => Self::TooMany,
            other => match other.status().as_u16() {
                404 => Self::NotFound,
                500.. => Self::Broken,
                _ => Self::Unusable,
            },
        }
    }

    fn of_sign_in(refusal: &Refusal) -> Self {
        match refusal {
            Refusal::UnknownDoor => Self::UnknownDoor,
            Refusal::ForeignTarget => Self::Unusable,
            // Seen from the browser, an answer that no longer counts is one that has been used.
            Refusal::NoFlow | Refusal::Unasked | Refusal::Replayed | Refusal::SignedOut => Self::NoFlow,
            Refusal::NotSignedOut(_) => Self::StillSignedIn,
            Refusal::Paused => Self::Paused,
            Refusal::Trial => Self::Trial,
            Refusal::OtherNetwork => Self::Way(Way::OtherNetwork),
            Refusal::NotEnforced => Self::Way(Way::NotEnforced),
            Refusal::NotAccepted(_) => Self::Way(Way::NotAccepted),
            Refusal::NotAllowed => Self::Way(Way::NotAllowed),
            Refusal::GoingRound => Self::Way(Way::GoingRound),
            Refusal::Provider(_) => match refusal.code() {
                "connection_misconfigured" => Self::Way(Way::NotSetUp),
                "provider_unreachable" => Self::ProviderTrouble,
                "access_denied" | "provider_refused" => Self::Declined,
                _ => Self::NotVerified,
            },
            Refusal::Unknown
            | Refusal::Nameless(_)
            | Refusal::Departed
            | Refusal::NotCreated(_)
            | Refusal::NotInvited => Self::NotProvisioned,
            Refusal::DomainUnverified => Self::DomainUnverified,
            Refusal::AboveLimit => Self::AboveLimit,
            Refusal::LinkedToAnother => Self::LinkedToAnother,
            Refusal::Inactive => Self::Inactive,
            Refusal::NoSeat { position: Some(position) } => Self::Waiting { position: *position },
            Refusal::NoSeat { position: None } => Self::NoSeat,
        }
    }

    /// Whether the same person may have more luck at once.
    pub(super) fn is_worth_a_retry(self) -> bool {
        matches!(
            self,
            Self::NoFlow
                | Self::Way(Way::GoingRound)
                | Self::ProviderTrouble
                | Self::Declined
                | Self::NotVerified
                | Self::Unusable
                | Self::Unavailable
                | Self::Broken
        )
    }

    /// What is said about it.
    pub(super) fn words(self, language: Language) -> Words {
        let [title, happened, to_do] = match language {
            Language::English => self.english(),
            Language::Japanese => self.japanese(),
            Language::French => self.french(),
        };
        let happened = match self {
            Self::Waiting { position } => happened.replace("{position}", &position.to_string()),
            _ => happened.to_owned(),
        };
        Words { title, happened, to_do }
    }

    fn english(self) -> [&'static str; 3] {
        match self {
            Self::UnknownDoor => [
                "This sign-in address does not exist",
                "The link does not belong to any organisation that signs in here.",
                "Check the address, or ask your administrator for the right link.",
            ],
            Self::NoFlow => [
                "This sign-in is no longer under way",
                "It took longer than ten minutes, was finished already, or began in another browser.",
                "Start again in this browser, and allow cookies for this site.",
            ],
            Self::Paused => [
                "Signing in is switched off for now",
                "Your organisation has paused this way of signing in. Whoever is signed in stays so.",
                "Ask your administrator when it will be back, or for another way in.",
            ],
            Self::Way(way) => way.english(),
            Self::StillSignedIn => leaving_words::still_signed_in(Language::English),
            Self::Trial => [
                "The trial is over",
                "This was a trial of the connection, so nobody was signed in.",
                "You can close this page. Your administrator can read what each check said.",
            ],
            Self::ProviderTrouble => [
                "Your organisation’s sign-in cannot be reached",
                "We could not talk to your organisation’s identity provider.",
                "Try again in a few minutes. If it goes on, tell your administrator the reference below.",
            ],
            Self::Declined => [
                "Your organisation’s sign-in was not completed",
                "The identity provider ended the sign-in, or you cancelled it.",
                "Try again. If you are refused again, ask your administrator for access.",
            ],
            Self::NotVerified => [
                "We could not verify who you are",
                "The answer of your organisation’s identity provider did not pass our checks, so nobody was signed in.",
                "Start again. If it goes on, tell your administrator the reference below.",
            ],
            Self::NotProvisioned => [
                "You have no access here yet",
                "Your organisation knows you, but has not given you access to this product.",
                "Ask your administrator to add you, then sign in again.",
            ],
            Self::DomainUnverified => [
                "Your address is not set up here yet",
                "Your user name is an e-mail address in a domain that your organisation has not confirmed as its own.",
                "Tell your administrator the reference below; they can confirm the domain.",
            ],
            Self::AboveLimit => [
                "Please use another way to sign in",
                "Your role here may not sign in through this connection.",
                "Sign in the way your organisation provides for administrators, or ask your administrator.",
            ],
            Self::LinkedToAnother => [
                "Your name belongs to somebody else here",
                "The user name is already linked to another identity at your organisation.",
                "Tell your administrator the reference below; they can mend the link.",
            ],
            Self::Inactive => [
                "Your access was switched off",
                "Your organisation has deactivated you for this product.",
                "If this is a mistake, ask your administrator to activate you again.",
            ],
            Self::Waiting { .. } => [
                "You are waiting for a seat",
                "All seats of your organisation are taken. You are number {position} in line.",
                "You get in by yourself as soon as a seat is free. Your administrator can buy more seats.",
            ],
            Self::NoSeat => [
                "There is no seat for you",
                "All seats of your organisation are taken.",
                "Ask your administrator for a seat.",
            ],
            Self::TooMany => [
                "Too many requests",
                "There were more requests from here than we answer at once.",
                "Wait a minute, then try again.",
            ],
            Self::NotFound => [
                "There is nothing here",
                "The address leads nowhere.",
                "Check the address, or begin at your product’s own page.",
            ],
            Self::Unusable => [
                "We could not use this request",
                "Something in the address is missing, repeated or too long.",
                "Begin again at your product’s own page.",
            ],
            Self::Unavailable => [
                "We will be right back",
                "The service cannot be reached for a moment.",
                "Try again in a minute.",
            ],
            Self::Broken => [
                "Something went wrong on our side",
                "Nobody was signed in and nothing was changed.",
                "Try again. If it goes on, tell your administrator the reference below.",
            ],
        }
    }

    fn japanese(self) -> [&'static str; 3] {
        match self {
            Self::UnknownDoor => [
                "このサインインのアドレスは存在しません",
                "このリンクは、ここでサインインできるどの組織のものでもありません。",
                "アドレスを確認するか、管理者に正しいリンクをお問い合わせください。",
            ],
            Self::NoFlow => [
                "このサインインは続行できません",
                "10分以上経過したか、すでに完了しているか、別のブラウザーで開始されたサインインです。",
                "このブラウザーで最初からやり直してください。このサイトのCookieを許可する必要があります。",
            ],
            Self::Paused => [
                "現在サインインは停止されています",
                "組織がこのサインイン方法を一時停止しています。すでにサインインしている方には影響ありません。",
                "再開の時期や別のサインイン方法については、管理者にお問い合わせください。",
            ],
            Self::Way(way) => way.japanese(),
            Self::StillSignedIn => leaving_words::still_signed_in(Language::Japanese),
            Self::Trial => [
                "接続テストが終わりました",
                "これは接続のテストのため、サインインは行われていません。",
                "このページは閉じてかまいません。各検査の結果は管理者が確認できます。",
            ],
            Self::ProviderTrouble => [
                "組織のサインインに接続できません",
                "組織のIDプロバイダーと通信できませんでした。",
                "数分後にもう一度お試しください。続く場合は、下の参照コードを管理者にお伝えください。",
            ],
            Self::Declined => [
                "組織のサインインが完了しませんでした",
                "IDプロバイダーがサインインを終了したか、キャンセルされました。",
                "もう一度お試しください。再び拒否された場合は、管理者にアクセスを依頼してください。",
            ],
            Self::NotVerified => [
                "本人確認ができませんでした",
                "組織のIDプロバイダーの応答を検証できなかったため、サインインは行われませんでした。",
                "最初からやり直してください。続く場合は、下の参照コードを管理者にお伝えください。",
            ],
            Self::NotProvisioned => [
                "まだアクセス権がありません",
                "組織に登録されていますが、この製品へのアクセスは与えられていません。",
                "管理者に追加を依頼してから、もう一度サインインしてください。",
            ],
            Self::DomainUnverified => [
                "メールアドレスのドメインが未確認です",
                "ユーザー名のメールアドレスのドメインが、組織のものとして確認されていません。",
                "下の参照コードを管理者にお伝えください。管理者がドメインを確認できます。",
            ],
            Self::AboveLimit => [
                "別の方法でサインインしてください",
                "あなたの役割では、この接続からサインインすることはできません。",
                "組織が管理者向けに用意した方法でサインインするか、管理者にお問い合わせください。",
            ],
            Self::LinkedToAnother => [
                "このユーザー名は別の方に紐付いています",
                "このユーザー名は、組織内の別のIDとすでに紐付けられています。",
                "下の参照コードを管理者にお伝えください。管理者が紐付けを修正できます。",
            ],
            Self::Inactive => [
                "アクセスが停止されています",
                "組織がこの製品でのあなたの利用を無効にしました。",
                "誤りと思われる場合は、管理者に再度有効にするよう依頼してください。",
            ],
            Self::Waiting { .. } => [
                "ライセンスの空きを待っています",
                "組織のライセンスはすべて使用中です。現在の順番は{position}番目です。",
                "空きができ次第、自動的に利用できるようになります。管理者はライセンスを追加購入できます。",
            ],
            Self::NoSeat => [
                "利用できるライセンスがありません",
                "組織のライセンスはすべて使用中です。",
                "管理者にライセンスの割り当てを依頼してください。",
            ],
            Self::TooMany => [
                "リクエストが多すぎます",
                "一度に応答できる数を超えるリクエストがありました。",
                "1分ほど待ってから、もう一度お試しください。",
            ],
            Self::NotFound => [
                "ページがありません",
                "このアドレスには何もありません。",
                "アドレスを確認するか、製品のページからやり直してください。",
            ],
            Self::Unusable => [
                "このリクエストは処理できません",
                "アドレスの一部が欠けているか、重複しているか、長すぎます。",
                "製品のページから最初からやり直してください。",
            ],
            Self::Unavailable => [
                "まもなく復旧します",
                "一時的にサービスに接続できません。",
                "1分ほど待ってから、もう一度お試しください。",
            ],
            Self::Broken => [
                "こちら側で問題が発生しました",
                "サインインは行われず、何も変更されていません。",
                "もう一度お試しください。続く場合は、下の参照コードを管理者にお伝えください。",
            ],
        }
    }

    fn french(self) -> [&'static str; 3] {
        match self {
            Self::UnknownDoor => [
                "Cette adresse de connexion n’existe pas",
                "Le lien ne correspond à aucune organisation qui se connecte ici.",
                "Vérifiez l’adresse ou demandez le bon lien à votre administrateur.",
            ],
            Self::NoFlow => [
                "Cette connexion n’est plus en cours",
                "Elle a duré plus de dix minutes, est déjà terminée ou a commencé dans un autre navigateur.",
                "Recommencez dans ce navigateur et autorisez les cookies pour ce site.",
            ],
            Self::Paused => [
                "La connexion est suspendue pour le moment",
                "Votre organisation a suspendu ce mode de connexion. Les personnes déjà connectées le restent.",
                "Demandez à votre administrateur quand il sera rétabli, ou s’il existe un autre accès.",
            ],
            Self::Way(way) => way.french(),
            Self::StillSignedIn => leaving_words::still_signed_in(Language::French),
            Self::Trial => [
                "L’essai est terminé",
                "Il s’agissait d’un essai de la connexion : personne n’a été connecté.",
                "Vous pouvez fermer cette page. Votre administrateur peut lire le résultat de chaque contrôle.",
            ],
            Self::ProviderTrouble => [
                "La connexion de votre organisation est injoignable",
                "Nous n’avons pas pu joindre le fournisseur d’identité de votre organisation.",
                "Réessayez dans quelques minutes. Si cela persiste, transmettez la référence ci-dessous à votre administrateur.",
            ],
            Self::Declined => [
                "La connexion de votre organisation n’a pas abouti",
                "Le fournisseur d’identité a mis fin à la connexion, ou vous l’avez annulée.",
                "Réessayez. En cas de nouveau refus, demandez l’accès à votre administrateur.",
            ],
            Self::NotVerified => [
                "Nous n’avons pas pu vérifier votre identité",
                "La réponse du fournisseur d’identité de votre organisation n’a pas passé nos contrôles ; personne n’a été connecté.",
                "Recommencez. Si cela persiste, transmettez la référence ci-dessous à votre administrateur.",
            ],
            Self::NotProvisioned => [
                "Vous n’avez pas encore accès",
                "Votre organisation vous connaît, mais ne vous a pas donné accès à ce produit.",
                "Demandez à votre administrateur de vous ajouter, puis reconnectez-vous.",
            ],
            Self::DomainUnverified => [
                "Votre adresse n’est pas encore reconnue ici",
                "Votre nom d’utilisateur est une adresse dans un domaine que votre organisation n’a pas confirmé comme le sien.",
                "Transmettez la référence ci-dessous à votre administrateur, qui pourra confirmer le domaine.",
            ],
            Self::AboveLimit => [
                "Utilisez un autre mode de connexion",
                "Votre rôle ici ne permet pas de se connecter par cette voie.",
                "Connectez-vous par la voie prévue pour les administrateurs ou adressez-vous à votre administrateur.",
            ],
            Self::LinkedToAnother => [
                "Votre nom appartient ici à une autre personne",
                "Ce nom d’utilisateur est déjà lié à une autre identité de votre organisation.",
                "Transmettez la référence ci-dessous à votre administrateur, qui pourra corriger le lien.",
            ],
            Self::Inactive => [
                "Votre accès a été désactivé",
                "Votre organisation vous a désactivé pour ce produit.",
                "S’il s’agit d’une erreur, demandez à votre administrateur de vous réactiver.",
            ],
            Self::Waiting { .. } => [
                "Vous attendez une licence",
                "Toutes les licences de votre organisation sont prises. Vous êtes en position {position} dans la file.",
                "L’accès s’ouvrira de lui-même dès qu’une licence sera libre. Votre administrateur peut en acheter d’autres.",
            ],
            Self::NoSeat => [
                "Il n’y a pas de licence pour vous",
                "Toutes les licences de votre organisation sont prises.",
                "Demandez une licence à votre administrateur.",
            ],
            Self::TooMany => [
                "Trop de requêtes",
                "Il y a eu plus de requêtes d’ici que nous n’en traitons à la fois.",
                "Attendez une minute, puis réessayez.",
            ],
            Self::NotFound => [
                "Il n’y a rien ici",
                "Cette adresse ne mène nulle part.",
                "Vérifiez l’adresse ou repartez de la page de votre produit.",
            ],
            Self::Unusable => [
                "Nous n’avons pas pu traiter cette requête",
                "Un élément de l’adresse manque, se répète ou est trop long.",
                "Recommencez depuis la page de votre produit.",
            ],
            Self::Unavailable => [
                "Nous revenons tout de suite",
                "Le service est injoignable pour un instant.",
                "Réessayez dans une minute.",
            ],
            Self::Broken => [
                "Une erreur s’est produite de notre côté",
                "Personne n’a été connecté et rien n’a été modifié.",
                "Réessayez. Si cela persiste, transmettez la référence ci-dessous à votre administrateur.",
            ],
        }
    }
}

/// A page's text.
#[derive(Debug)]
pub(super) struct Words {
    pub(super) title: &'static str,
    pub(super) happened: String,
    pub(super) to_do: &'static str,
}

/// The small print.
#[derive(Debug)]
pub(super) struct Labels {
    pub(super) code: &'static str,
    pub(super) request: &'static str,
    pub(super) retry: &'static str,
}

impl Labels {
    pub(super) fn of(language: Language) -> Self {
        match language {
            Language::English => Self { code: "Reference", request: "Request", retry: "Sign in again" },
            Language::Japanese => {
                Self {
                    code: "参照コード", request: "リクエスト", retry: "もう一度サインインする"
                }
            }
            Language::French => {
                Self { code: "Référence", request: "Requête", retry: "Se connecter à nouveau" }
            }
        }
    }
}

/// The text of the page where somebody says who they are, or chooses how.
#[derive(Debug)]
pub(super) struct DoorWords {
    pub(super) title: &'static str,
    pub(super) address: &'static str,
    pub(super) go_on: &'static str,
    pub(super) unknown: &'static str,
    pub(super) choose: &'static str,
}

impl DoorWords {
    /// `asks`: whether the page asks for an address, and does not let somebody choose.
    pub(super) fn of(language: Language, asks: bool) -> Self {
        let [title, choice, address, go_on, unknown, choose] = match language {
            Language::English => [
                "Sign in",
                "Choose how to sign in",
                "E-mail address at work",
                "Continue",
                "No organisation signs in here with this address. Check it, or ask your administrator for the right link.",
                "Your organisation has several ways in.",
            ],
            Language::Japanese => [
                "サインイン",
                "サインイン方法の選択",
                "勤務先のメールアドレス",
                "次へ",
                "このアドレスでサインインできる組織はありません。アドレスを確認するか、管理者に正しいリンクをお問い合わせください。",
                "組織には複数のサインイン方法があります。",
            ],
            Language::French => [
                "Se connecter",
                "Choisir comment se connecter",
                "Adresse e-mail professionnelle",
                "Continuer",
                "Aucune organisation ne se connecte ici avec cette adresse. Vérifiez-la ou demandez le bon lien à votre administrateur.",
                "Votre organisation propose plusieurs accès.",
            ],
        };
        Self { title: if asks { title } else { choice }, address, go_on, unknown, choose }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Situation; 25] = [
        Situation::UnknownDoor,
        Situation::NoFlow,
        Situation::Paused,
        Situation::Trial,
        Situation::Way(Way::GoingRound),
        Situation::Way(Way::OtherNetwork),
        Situation::Way(Way::NotEnforced),
        Situation::Way(Way::NotAccepted),
        Situation::ProviderTrouble,
        Situation::Declined,
        Situation::NotVerified,
        Situation::StillSignedIn,
        Situation::Way(Way::NotSetUp),
        Situation::NotProvisioned,
        Situation::DomainUnverified,
        Situation::AboveLimit,
        Situation::LinkedToAnother,
        Situation::Inactive,
        Situation::Waiting { position: 7 },
        Situation::NoSeat,
        Situation::TooMany,
        Situation::NotFound,
        Situation::Unusable,
        Situation::Unavailable,
        Situation::Broken,
    ];

    #[test]
    fn each_situation_has_its_own_title_in_each_language() {
        for language in [Language::English, Language::Japanese, Language::French] {
            let mut titles: Vec<&str> = ALL.iter().map(|it| it.words(language).title).collect();
            titles.sort_unstable();
            titles.dedup();
            assert_eq!(titles.len(), ALL.len(), "{language:?}");
        }
    }

    #[test]
    fn the_place_in_line_is_said_in_each_language() {
        for language in [Language::English, Language::Japanese, Language::French] {
            let words = Situation::Waiting { position: 42 }.words(language);
            assert!(words.happened.contains("42") && !words.happened.contains('{'), "{}", words.happened);
        }
    }

    #[test]
    fn who_was_refused_for_who_they_are_is_not_told_to_try_again() {
        for situation in [Situation::Inactive, Situation::NotProvisioned, Situation::NoSeat] {
            assert!(!situation.is_worth_a_retry());
        }
    }
}
