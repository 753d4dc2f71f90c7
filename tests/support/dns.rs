//! A DNS server on loopback: real datagrams, and the TXT records that a test publishes.

use std::collections::HashMap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, LazyLock, Mutex};

use hickory_resolver::proto::op::{Message, MessageType, ResponseCode};
use hickory_resolver::proto::rr::rdata::TXT;
use hickory_resolver::proto::rr::{RData, Record, RecordType};

/// The server of the run. A name that nobody has published does not exist, and `*.broken.example` fails.
pub struct Server {
    pub address: SocketAddr,
    records: Arc<Mutex<HashMap<String, Vec<String>>>>,
}

pub fn server() -> &'static Server {
    static SERVER: LazyLock<Server> = LazyLock::new(Server::start);
    &SERVER
}

impl Server {
    fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let records = Arc::new(Mutex::new(HashMap::new()));
        let published = Arc::clone(&records);
        std::thread::spawn(move || {
            let mut datagram = [0_u8; 4_096];
            while let Ok((length, from)) = socket.recv_from(&mut datagram) {
                let Ok(asked) = Message::from_vec(&datagram[..length]) else { continue };
                let answer = answer(&asked, &published.lock().unwrap());
                socket.send_to(&answer.to_vec().unwrap(), from).unwrap();
            }
        });
        Self { address, records }
    }

    /// Publishes the TXT records of a name, in place of those that it had.
    pub fn publish(&self, name: &str, texts: &[&str]) {
        let texts = texts.iter().map(|text| (*text).to_owned()).collect();
        self.records.lock().unwrap().insert(name.to_owned(), texts);
    }

    /// Takes a name away.
    pub fn withdraw(&self, name: &str) {
        self.records.lock().unwrap().remove(name);
    }
}

fn answer(asked: &Message, records: &HashMap<String, Vec<String>>) -> Message {
    let mut answer = Message::response(asked.metadata.id, asked.metadata.op_code);
    answer.metadata.message_type = MessageType::Response;
    answer.metadata.authoritative = true;
    answer.metadata.recursion_desired = asked.metadata.recursion_desired;
    answer.metadata.recursion_available = true;
    let Some(query) = asked.queries.first() else { return answer };
    answer.add_query(query.clone());
    let name = query.name().to_ascii().trim_end_matches('.').to_ascii_lowercase();
    if name.ends_with("broken.example") {
        answer.metadata.response_code = ResponseCode::ServFail;
        return answer;
    }
    match records.get(&name) {
        None => answer.metadata.response_code = ResponseCode::NXDomain,
        Some(texts) if query.query_type() == RecordType::TXT => {
            for text in texts {
                // As zone files write long texts: in pieces, which belong together.
                let pieces =
                    text.as_bytes().chunks(20).map(|piece| String::from_utf8(piece.to_vec()).unwrap());
                let data = RData::TXT(TXT::new(pieces.collect()));
                answer.add_answer(Record::from_rdata(query.name().clone(), 60, data));
            }
        }
        Some(_) => {}
    }
    answer
}
