//! What a mail with an invitation says, and what is advised if it does not arrive, in each language. Knows sentences.

use domain::blueprint::MailHelp;
use store::invitations::InvitationRow;

use super::{HelpView, LabelView};
use crate::mail::Letter;
use crate::one_line::one_line;

/// The longest name in a mail, in characters.
const LONGEST_NAME: usize = 100;

/// The mail: names of others stand in it on lines of their own, without characters that move the line.
pub(super) fn letter(row: &InvitationRow, product: &str, tenant: &str, link: &str) -> Letter {
    let (product, tenant) = (one_line(product, LONGEST_NAME), one_line(tenant, LONGEST_NAME));
    let until = row.expires_at.format("%Y-%m-%d");
    let (subject, text) = match row.language.as_str() {
        "ja" => (
            format!("【{product}】{tenant} への招待"),
            format!(
                "{tenant} の {product} に招待されました。\n\n次のリンクを開いて、招待を承諾してください。\n\n{link}\n\n\
                 リンクは一度だけ使えます。有効期限は {until} (UTC) です。ほかの人に転送しないでください。\n\
                 お心当たりがない場合は、このメールを破棄してください。何も起こりません。\n"
            ),
        ),
        "fr" => (
            format!("Invitation à rejoindre {tenant} sur {product}"),
            format!(
                "Vous êtes invité à rejoindre {tenant} sur {product}.\n\nOuvrez ce lien pour accepter l’invitation :\n\n{link}\n\n\
                 Le lien sert une seule fois, jusqu’au {until} (UTC). Ne le transmettez à personne.\n\
                 Si vous n’attendiez pas ce message, ignorez-le : rien ne se passera.\n"
            ),
        ),
        _ => (
            format!("You are invited to {tenant} on {product}"),
            format!(
                "You are invited to {tenant} on {product}.\n\nOpen this link to accept the invitation:\n\n{link}\n\n\
                 The link works once, until {until} (UTC). Do not pass it on to anybody.\n\
                 If you did not expect this, ignore this mail: nothing will happen.\n"
            ),
        ),
    };
    Letter { subject, text }
}

/// What somebody is advised whose mail did not arrive. `from` is the address that our mails come from.
pub(super) fn help(help: MailHelp, from: &str) -> HelpView {
    let (id, [ja, en, fr]) = match help {
        MailHelp::CheckAddress => (
            "check_address",
            [
                "アドレスが正しく、使われていることを確認してください。".to_owned(),
                "Check that the address is right and in use.".to_owned(),
                "Vérifiez que l’adresse est correcte et utilisée.".to_owned(),
            ],
        ),
        MailHelp::Bounced => (
            "bounced",
            [
                "メールサーバーが受け取りませんでした。サーバーの応答を確認し、アドレスを直して再送するか、リンクを直接渡してください。".to_owned(),
                "The mail server did not take it. Read what it said, then correct the address and send again, or hand on the link.".to_owned(),
                "Le serveur de messagerie ne l’a pas accepté. Lisez sa réponse, puis corrigez l’adresse et renvoyez, ou transmettez le lien.".to_owned(),
            ],
        ),
        MailHelp::LookInSpam => (
            "look_in_spam",
            [
                format!("迷惑メールフォルダーに {from} からのメールがないか、相手に確認してもらってください。"),
                format!("Ask them to look for a mail from {from} in their junk folder."),
                format!("Demandez à la personne de chercher un message de {from} dans ses indésirables."),
            ],
        ),
        MailHelp::DomainBlocksUs => (
            "domain_blocks_us",
            [
                format!("相手のドメインが {from} からのメールを拒否していないか、そのメール管理者に確認してもらってください。"),
                format!("Ask whoever runs their mail whether it blocks mail from {from}."),
                format!("Demandez à leur administrateur de messagerie si les messages de {from} sont bloqués."),
            ],
        ),
    };
    HelpView { id, text: LabelView { ja, en, fr } }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn row(language: &str) -> InvitationRow {
        InvitationRow {
            id: uuid::Uuid::nil(),
            user_id: uuid::Uuid::nil(),
            address: "hana@acme.example".to_owned(),
            language: language.to_owned(),
            invited_by: "an administrator".to_owned(),
            state: "pending".to_owned(),
            created_at: DateTime::UNIX_EPOCH,
            sent_at: DateTime::UNIX_EPOCH,
            expires_at: DateTime::UNIX_EPOCH,
            ended_at: None,
            mail_state: "waiting".to_owned(),
            mail_attempts: 1,
            mail_due_at: None,
            mail_answer: None,
        }
    }

    #[test]
    fn each_language_has_its_own_letter_with_the_link_and_its_end() {
        let mut subjects = std::collections::BTreeSet::new();
        for language in ["ja", "en", "fr"] {
            let letter = letter(&row(language), "Chat", "Acme", "https://usher.example/invitation/acme#x");
            assert!(
                letter.text.contains("\n\nhttps://usher.example/invitation/acme#x\n\n"),
                "{}",
                letter.text
            );
            assert!(letter.text.contains("1970-01-01"), "{}", letter.text);
            assert!(subjects.insert(letter.subject));
        }
    }

    #[test]
    fn a_name_moves_no_line() {
        let letter =
            letter(&row("en"), "Chat", "Acme\r\nBcc: eve@evil.example\r\n\r\nHello", "https://x.example/");

        assert!(!letter.subject.contains(['\r', '\n']), "{}", letter.subject);
        assert!(
            letter.text.starts_with("You are invited to Acme  Bcc: eve@evil.example    Hello on Chat.\n")
        );
    }
}
