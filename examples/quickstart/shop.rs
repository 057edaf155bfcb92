//! A checkout service that logs more about its customers than it should, as services do.
//!
//! Everything personal in it is made up: documentation domains and networks, numbers reserved for fiction and for tests.

use std::error::Error;
use std::fmt;

use tracing::{error, info, instrument, warn};

#[derive(Debug)]
struct Customer {
    id: u64,
    email: &'static str,
    phone: &'static str,
    ip: &'static str,
    plan: &'static str,
}

#[derive(Debug)]
#[expect(dead_code, reason = "it is there to be printed by `Debug`, secrets and all")]
struct SignIn {
    method: &'static str,
    email: &'static str,
    password: &'static str,
    attempts: u32,
}

const ANN: Customer =
    Customer { id: 4711, email: "ann.lee@example.com", phone: "+44 20 7946 0958", ip: "203.0.113.42", plan: "pro" };

const BOB: Customer = Customer {
    id: 4712,
    email: "bob.stone@example.org",
    phone: "+1 202-555-0143",
    ip: "2001:db8:85a3::8a2e:370:7334",
    plan: "free",
};

const EVE: Customer = Customer {
    id: 4713,
    email: "eve.moreau@example.net",
    phone: "+33 1 99 00 12 34",
    ip: "198.51.100.23",
    plan: "pro",
};

/// A working day: four orders of three customers. Returns how many orders were placed.
pub(crate) fn open() -> usize {
    info!(workers = 4, uptime_ms = 12.5, "shop is open");
    sign_in(&ANN);
    let outcomes = [
        checkout(&ANN, 3, "4111 1111 1111 1111"),
        checkout(&BOB, 1, "5555 5555 5555 4444"),
        checkout(&ANN, 1, "4111 1111 1111 1111"),
        checkout(&EVE, 2, "4000 0000 0000 0002"),
    ];
    info!(target: "sqlx::query", rows = 4, "select * from orders where email = 'ann.lee@example.com'");
    outcomes.iter().filter(|outcome| outcome.is_ok()).count()
}

fn sign_in(customer: &Customer) {
    let attempt = SignIn { method: "form", email: customer.email, password: "correct-horse-battery", attempts: 2 };
    info!(password = attempt.password, ip = customer.ip, cached = true, "signed in from {}", customer.ip);
    info!(attempt = ?attempt, "sign-in accepted");
}

#[instrument(skip_all, fields(user_id = customer.id, plan = customer.plan, order = tracing::field::Empty))]
fn checkout(customer: &Customer, items: u32, card: &str) -> Result<(), PaymentFailed> {
    info!(email = customer.email, items, currency = "EUR", "order placed, receipt goes to {}", customer.email);
    match charge(customer, card) {
        Ok(()) => {
            tracing::Span::current().record("order", "paid");
            if items > 2 {
                info!(parcels = 1, "courier may call {} before delivery", customer.phone);
                info!(took_ms = 184, "invoice written to /home/annlee/shop/invoices/2026-11.pdf");
            }
            Ok(())
        }
        Err(failure) => {
            error!(error = &failure as &dyn Error, retry = false, "payment failed");
            Err(failure)
        }
    }
}

#[instrument(skip_all, fields(gateway = "acme-pay", amount_cents = 4_990))]
fn charge(customer: &Customer, card: &str) -> Result<(), PaymentFailed> {
    if customer.id == BOB.id {
        warn!("gateway asked again, retrying with Authorization: Bearer {TOKEN}");
        warn!("key AKIA2E0A8F3B244C9986 is close to its rate limit");
    }
    if customer.id == EVE.id {
        return Err(PaymentFailed { source: Declined { card: card.to_owned(), ip: customer.ip } });
    }
    info!("card {card} accepted");
    Ok(())
}

const TOKEN: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiI0NzEyIiwibmFtZSI6IkJvYiBTdG9uZSJ9.\
                     dBjftJeZ4CVPmB92K27uhbUJU1p1rwW1gFWFOEjXkkk";

#[derive(Debug)]
struct PaymentFailed {
    source: Declined,
}

impl fmt::Display for PaymentFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the order could not be paid")
    }
}

impl Error for PaymentFailed {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.source)
    }
}

/// The cause, which says more than its caller knows.
#[derive(Debug)]
struct Declined {
    card: String,
    ip: &'static str,
}

impl fmt::Display for Declined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "gateway declined card {} used from {}", self.card, self.ip)
    }
}

impl Error for Declined {}
