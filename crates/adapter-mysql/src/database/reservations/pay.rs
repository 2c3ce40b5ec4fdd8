//! Payment: the hold, the points, the ledger row, the seats and the key, all or nothing.

use diesel::{
    ExpressionMethods, NullableExpressionMethods, OptionalExtension, QueryDsl, QueryResult,
    SelectableHelper, sql_query,
    sql_types::{Binary, Nullable, Text},
    update,
};
use diesel_async::RunQueryDsl;
use frontrow_domain::{
    model::{
        Account, Amount, Applied, Balance, LedgerEntry, LedgerReason, PayRefusal, Reservation,
        ReservationState, WrongState,
    },
    ports::{EffectOf, KeyUse, Paid, PayOutcome, PaymentRequest},
};
use jiff::Timestamp;

use super::facts::four;
use crate::{
    database::{
        columns::{Db, Phase},
        idempotency::{self, Claim},
        points,
        rows::ReservationRow,
        sales,
        schema::{balances, reservations},
    },
    errors,
    session::Session,
    statement::Fixed,
    transactions::Verdict,
};

/// The facts on which a payment depends.
struct PaymentFacts {
    reservation: Reservation,
    /// None for a user who never had points.
    account: Option<Account>,
    now: Timestamp,
}

/// Pays a user's held seats.
///
/// A key is read only if the payment is refused or the key turns out to be taken. Nearly every
/// payment is the first with its key, and the insertion of the key's own row shows that in any
/// case.
pub(super) async fn pay(
    session: &mut Session,
    request: &PaymentRequest,
) -> QueryResult<Verdict<PayOutcome>> {
    let Some(facts) = read_facts(session, request).await? else {
        return replayed_or(session, request, PayOutcome::NotFound).await;
    };
    if facts.reservation.concert != request.concert {
        return replayed_or(session, request, PayOutcome::OtherConcert).await;
    }
    let paid = match transition(&facts) {
        Ok(paid) => paid,
        Err(PayRefusal::NotHeld(WrongState { now: state })) => {
            return replayed_or(session, request, PayOutcome::NotHeld(state)).await;
        }
        Err(PayRefusal::NotEnoughPoints { balance, total }) => {
            let refusal = PayOutcome::NotEnoughPoints { balance, total };
            return replayed_or(session, request, refusal).await;
        }
    };
    session.begin().await?;
    match idempotency::claim(session, &request.keyed, request.entry.0).await? {
        Claim::Ours => {}
        Claim::UnderWay => return Ok(Verdict::Rollback(PayOutcome::InProgress)),
        Claim::Taken => {
            session.roll_back().await?;
            return Ok(match replayed(session, request).await? {
                Some(answer) => Verdict::Commit(answer),
                // It stays absent only for a moment: keys of payments and charges are kept.
                None => Verdict::Retry,
            });
        }
    }
    Ok(match write(session, request, facts, paid).await? {
        Some(effect) => Verdict::Commit(PayOutcome::Paid(Applied::first(effect))),
        None => Verdict::Retry,
    })
}

/// A reservation, its user's balance and last entry, and the time.
type Row = (
    ReservationRow,
    Option<Db<Amount>>,
    Option<Db<u64>>,
    Db<Timestamp>,
);

/// Reads the reservation, the user's points and the time in one statement.
async fn read_facts(
    session: &mut Session,
    request: &PaymentRequest,
) -> QueryResult<Option<PaymentFacts>> {
    let balance = balances::table
        .find(Db(request.user.clone()))
        .select(balances::balance)
        .single_value();
    let last_seq = balances::table
        .find(Db(request.user.clone()))
        .select(balances::last_seq)
        .single_value();
    let row: Option<Row> = reservations::table
        .find(Db(request.reservation))
        .filter(reservations::user_id.eq(Db(request.user.clone())))
        .select((
            ReservationRow::as_select(),
            balance,
            last_seq,
            session.now(),
        ))
        .get_result(session.connection())
        .await
        .optional()?;
    let Some((row, balance, last_seq, now)) = row else {
        return Ok(None);
    };
    Ok(Some(PaymentFacts {
        reservation: row.into_reservation()?,
        account: balance.zip(last_seq).map(|(balance, last_seq)| Account {
            balance: Balance(balance.0),
            last_seq: last_seq.0,
        }),
        now: now.0,
    }))
}

/// Returns the domain's decision about a payment now.
fn transition(facts: &PaymentFacts) -> Result<Paid, PayRefusal> {
    let held = facts.reservation.clone().held_at(facts.now)?;
    let balance = facts.account.unwrap_or_default().balance;
    let (reservation, balance) = held.pay(balance, facts.now)?;
    Ok(Paid {
        charged: reservation.total,
        reservation,
        balance,
    })
}

/// Returns the answer to an earlier call with this key, or this refusal.
async fn replayed_or(
    session: &mut Session,
    request: &PaymentRequest,
    refusal: PayOutcome,
) -> QueryResult<Verdict<PayOutcome>> {
    let answer = replayed(session, request).await?;
    Ok(Verdict::Commit(answer.unwrap_or(refusal)))
}

/// Returns the effect of the key. None if it is new.
async fn replayed(
    session: &mut Session,
    request: &PaymentRequest,
) -> QueryResult<Option<PayOutcome>> {
    Ok(match idempotency::find(session, &request.keyed).await? {
        KeyUse::New => None,
        KeyUse::Replayed(EffectOf::Payment(effect)) => {
            Some(PayOutcome::Paid(Applied::replayed(effect)))
        }
        KeyUse::Replayed(_) | KeyUse::OtherRequest => Some(PayOutcome::KeyReused),
    })
}

/// Writes the payment, whose key this call has claimed. None if `facts` are out of date.
async fn write(
    session: &mut Session,
    request: &PaymentRequest,
    facts: PaymentFacts,
    paid: Paid,
) -> QueryResult<Option<Paid>> {
    let Some(Spent { paid, seq, now }) = spend(session, request, facts, paid).await? else {
        return Ok(None);
    };
    if !confirm(session, &paid.reservation).await? {
        return Ok(None);
    }
    sell(session, &paid.reservation).await?;
    let entry = LedgerEntry {
        id: request.entry,
        user: request.user.clone(),
        seq,
        reason: LedgerReason::Payment(paid.reservation.id),
        amount: paid.charged,
        balance: paid.balance,
        at: now,
    };
    points::record(session, &entry).await?;
    sales::count(session, &paid.reservation).await?;
    Ok(Some(paid))
}

/// A payment whose points were taken, and the number and instant of its ledger entry.
struct Spent {
    paid: Paid,
    seq: u64,
    now: Timestamp,
}

/// Takes the points and returns the resulting payment. None if they no longer allow it.
///
/// Nearly always no other call has changed the user's points since the read. If one has, the points
/// are locked and read again: a payment that only ever tried to find them unchanged could be
/// delayed for as long as charges come in.
async fn spend(
    session: &mut Session,
    request: &PaymentRequest,
    facts: PaymentFacts,
    paid: Paid,
) -> QueryResult<Option<Spent>> {
    let user = &request.user;
    let after = facts.account.unwrap_or_default().followed_by(paid.balance);
    if points::change_account(session, user, facts.account, after).await? {
        return Ok(Some(Spent {
            paid,
            seq: after.last_seq,
            now: facts.now,
        }));
    }
    let (account, now) = points::lock_account(session, user).await?;
    let facts = PaymentFacts {
        account,
        now,
        ..facts
    };
    let Ok(paid) = transition(&facts) else {
        return Ok(None);
    };
    let after = account.unwrap_or_default().followed_by(paid.balance);
    let spent = points::change_account(session, user, account, after).await?;
    Ok(spent.then_some(Spent {
        paid,
        seq: after.last_seq,
        now,
    }))
}

/// Confirms a hold that is not past its deadline. Returns false if there is none.
async fn confirm(session: &mut Session, reservation: &Reservation) -> QueryResult<bool> {
    let ReservationState::Confirmed { at } = reservation.state else {
        return Err(errors::broken("paid and not confirmed"));
    };
    let live = reservations::table
        .find(Db(reservation.id))
        .filter(reservations::held_until.gt(session.now().nullable()));
    let statement = update(live).set((
        reservations::state.eq(Db(Phase::Confirmed)),
        reservations::held_until.eq(None::<Db<Timestamp>>),
        reservations::confirmed_at.eq(Some(Db(at))),
    ));
    let confirmed = Fixed(statement).execute(session.connection()).await?;
    Ok(confirmed == 1)
}

/// Marks the reservation's seats as sold. Errors if that fails for one of them.
async fn sell(session: &mut Session, reservation: &Reservation) -> QueryResult<()> {
    let [first, second, third, fourth] = four(&reservation.seats);
    let statement = sql_query(
        "UPDATE seats FORCE INDEX (PRIMARY) SET held_until = NULL
         WHERE performance_id = ? AND label IN (?, ?, ?, ?) AND reservation_id = ?",
    )
    .bind::<Binary, _>(Db(reservation.performance))
    .bind::<Nullable<Text>, _>(first.map(|seat| Db(seat.label)))
    .bind::<Nullable<Text>, _>(second.map(|seat| Db(seat.label)))
    .bind::<Nullable<Text>, _>(third.map(|seat| Db(seat.label)))
    .bind::<Nullable<Text>, _>(fourth.map(|seat| Db(seat.label)))
    .bind::<Binary, _>(Db(reservation.id));
    let sold = Fixed(statement).execute(session.connection()).await?;
    if sold != reservation.seats.len() {
        let id = reservation.id;
        return Err(errors::broken(format!("reservation {id} has lost a seat")));
    }
    Ok(())
}
