//! What a page says to whoever took a way in that does not lead in, in each language. Knows sentences; does not know HTTP.

/// What is wrong with the way that somebody took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// It leads back to its beginning.
    GoingRound,
    /// It was not set up as the identity provider wants it.
    NotSetUp,
    /// It is not open from where they are.
    OtherNetwork,
    /// The tenant has closed it.
    NotEnforced,
    /// What was shown there was not accepted.
    NotAccepted,
    /// It leads to what is not for them.
    NotAllowed,
}

impl Way {
    pub(super) fn english(self) -> [&'static str; 3] {
        match self {
            Self::GoingRound => [
                "Signing in goes round in circles",
                "Your organisation’s sign-in let you in several times within seconds, and the product sent you back each time.",
                "Allow cookies for the product’s site and check this device’s clock, then sign in again. If it goes on, tell your administrator the reference below.",
            ],
            Self::NotSetUp => [
                "This way of signing in is not set up right",
                "Your organisation’s identity provider and this service do not agree on how people sign in.",
                "Only your administrator can mend this. Tell them the reference below.",
            ],
            Self::OtherNetwork => [
                "You cannot sign in from this network",
                "Your organisation lets people in from its own networks only, and this device is in another.",
                "Connect to your organisation’s network, or its VPN, and sign in again. If you are in it, tell your administrator the reference below.",
            ],
            Self::NotEnforced => [
                "Your organisation signs in another way",
                "This way of signing in is closed: your organisation allows only the ones that it has chosen.",
                "Sign in from your product’s own page, or ask your administrator for the right link.",
            ],
            Self::NotAllowed => [
                "This is not open to you",
                "You are signed in, but nothing that you may do here opens this page.",
                "If you need it, ask your administrator, and tell them the reference below.",
            ],
            Self::NotAccepted => [
                "That was not accepted",
                "Nobody was signed in and nothing was registered.",
                "Begin again. If it goes on, tell your administrator the reference below.",
            ],
        }
    }

    pub(super) fn japanese(self) -> [&'static str; 3] {
        match self {
            Self::GoingRound => [
                "サインインが繰り返されています",
                "数秒の間に何度もサインインしましたが、そのたびに製品から送り返されました。",
                "製品のサイトのCookieを許可し、この端末の時計を確認してから、もう一度サインインしてください。続く場合は、下の参照コードを管理者にお伝えください。",
            ],
            Self::NotSetUp => [
                "このサインイン方法は正しく設定されていません",
                "組織のIDプロバイダーとこのサービスの設定が一致していません。",
                "修正できるのは管理者だけです。下の参照コードを管理者にお伝えください。",
            ],
            Self::OtherNetwork => [
                "このネットワークからはサインインできません",
                "組織が許可したネットワークからのサインインだけが受け付けられます。この端末は別のネットワークにあります。",
                "組織のネットワークまたはVPNに接続して、もう一度サインインしてください。接続済みの場合は、下の参照コードを管理者にお伝えください。",
            ],
            Self::NotEnforced => [
                "組織は別の方法でサインインします",
                "このサインイン方法は使えません。組織が選んだ方法だけが許可されています。",
                "製品のページからサインインするか、管理者に正しいリンクをお問い合わせください。",
            ],
            Self::NotAllowed => [
                "このページを開く権限がありません",
                "サインインしていますが、このページを開くための権限が付与されていません。",
                "必要な場合は、下の参照コードを管理者にお伝えください。",
            ],
            Self::NotAccepted => [
                "受け付けられませんでした",
                "サインインも登録も行われていません。",
                "最初からやり直してください。続く場合は、下の参照コードを管理者にお伝えください。",
            ],
        }
    }

    pub(super) fn french(self) -> [&'static str; 3] {
        match self {
            Self::GoingRound => [
                "La connexion tourne en rond",
                "Votre organisation vous a laissé entrer plusieurs fois en quelques secondes, et le produit vous a renvoyé à chaque fois.",
                "Autorisez les cookies du site du produit et vérifiez l’heure de cet appareil, puis reconnectez-vous. Si cela persiste, transmettez la référence ci-dessous à votre administrateur.",
            ],
            Self::NotSetUp => [
                "Ce mode de connexion est mal configuré",
                "Le fournisseur d’identité de votre organisation et ce service ne s’accordent pas sur la connexion.",
                "Seul votre administrateur peut y remédier. Transmettez-lui la référence ci-dessous.",
            ],
            Self::OtherNetwork => [
                "Connexion impossible depuis ce réseau",
                "Votre organisation n’accepte les connexions que depuis ses propres réseaux, et cet appareil se trouve dans un autre.",
                "Connectez-vous au réseau de votre organisation ou à son VPN, puis recommencez. Si vous y êtes déjà, transmettez la référence ci-dessous à votre administrateur.",
            ],
            Self::NotEnforced => [
                "Votre organisation se connecte autrement",
                "Ce mode de connexion est fermé : votre organisation n’autorise que ceux qu’elle a choisis.",
                "Connectez-vous depuis la page de votre produit ou demandez le bon lien à votre administrateur.",
            ],
            Self::NotAllowed => [
                "Cette page ne vous est pas ouverte",
                "Vous êtes connecté, mais aucun de vos droits n’ouvre cette page.",
                "Si vous en avez besoin, adressez-vous à votre administrateur en lui transmettant la référence ci-dessous.",
            ],
            Self::NotAccepted => [
                "Cela n’a pas été accepté",
                "Personne n’a été connecté et rien n’a été enregistré.",
                "Recommencez. Si cela persiste, transmettez la référence ci-dessous à votre administrateur.",
            ],
        }
    }
}
