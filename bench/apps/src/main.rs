//! The floors of what apps and proxies ask: a server whose handler does nothing, and the bare signature of a token.
//!
//! ```text
//! apps-floor empty PORT        answers everything with 200 until it is ended
//! apps-floor sign SECONDS      prints how many signatures a second all processors make
//! ```

use std::time::{Duration, Instant};

use actix_web::{App, HttpResponse, HttpServer, web};
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};

/// Header and claims of a token, about as long as those of the benchmark's person.
const TOKEN: usize = 1_000;

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["empty", port] => empty(port.parse().map_err(std::io::Error::other)?).await,
        ["sign", seconds] => {
            println!("{:.0}", signatures(Duration::from_secs(seconds.parse().map_err(std::io::Error::other)?)));
            Ok(())
        }
        _ => Err(std::io::Error::other("empty PORT or sign SECONDS")),
    }
}

async fn empty(port: u16) -> std::io::Result<()> {
    let app = || App::new().default_service(web::to(|| async { HttpResponse::Ok() }));
    HttpServer::new(app).bind(("127.0.0.1", port))?.run().await
}

/// Per second, on as many threads as there are processors.
fn signatures(time: Duration) -> f64 {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let begun = Instant::now();
    let made: usize = std::thread::scope(|scope| {
        let started: Vec<_> = (0..threads).map(|_| scope.spawn(|| on_one_thread(begun + time))).collect();
        started.into_iter().map(|thread| thread.join().unwrap_or(0)).sum()
    });
    made as f64 / begun.elapsed().as_secs_f64()
}

fn on_one_thread(until: Instant) -> usize {
    let Ok(key) = SigningKey::from_slice(&[7; 32]) else { return 0 };
    let mut token = vec![b'e'; TOKEN];
    let mut made = 0;
    while Instant::now() < until {
        let signature: Signature = key.sign(&token);
        token[..64].copy_from_slice(&signature.to_bytes());
        made += 1;
    }
    made
}
