//! Balances and the ledger whose entries add up to them.

use async_trait::async_trait;
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, QueryResult, insert_into, update};
use diesel_async::RunQueryDsl;
use frontrow_domain::{
    model::{Account, Amount, Applied, AuditNote, Balance, LedgerEntry, LedgerReason, UserId},
    ports::{Charge, ChargeOutcome, Charged, EffectOf, KeyUse, Points, StoreResult},
};
use futures_util::{FutureExt, TryFutureExt};
use jiff::Timestamp;

use super::{
    MySqlDatabase, audit,
    columns::{Db, Reason},
    idempotency::{self, Claim},
    schema::{balances, ledger},
};
use crate::{errors, session::Session, statement::Fixed, transactions::Verdict};

#[async_trait]
impl Points for MySqlDatabase {
    async fn balance(&self, user: &UserId) -> StoreResult<Balance> {
        self.call(user.clone(), |session, user| {
            balance(session, user).map_ok(Verdict::Commit).boxed()
        })
        .await
    }

    async fn charge(&self, charge: &Charge) -> StoreResult<ChargeOutcome> {
        self.call(charge.clone(), |session, charge| {
            self::charge(session, charge).boxed()
        })
        .await
    }
}

async fn balance(session: &mut Session, user: &UserId) -> QueryResult<Balance> {
    let balance: Option<Db<Amount>> = balances::table
        .find(Db(user.clone()))
        .select(balances::balance)
        .get_result(session.connection())
        .await
        .optional()?;
    Ok(Balance(balance.map_or(Amount::ZERO, |balance| balance.0)))
}

/// Changes an account from `before` (none for a user without one) to `after`. Returns false if it
/// is no longer `before`. The check covers entries too: another entry counts as a change even if
/// the balance is the same.
pub(super) async fn change_account(
    session: &mut Session,
    user: &UserId,
    before: Option<Account>,
    after: Account,
) -> QueryResult<bool> {
    let Some(before) = before else {
        let made = insert_into(balances::table)
            .values((
                balances::user_id.eq(Db(user.clone())),
                balances::balance.eq(Db(after.balance.0)),
                balances::last_seq.eq(Db(after.last_seq)),
            ))
            .execute(session.connection())
            .await;
        return Ok(errors::unless_duplicate(made)?.is_some());
    };
    let unchanged = balances::table
        .find(Db(user.clone()))
        .filter(balances::balance.eq(Db(before.balance.0)))
        .filter(balances::last_seq.eq(Db(before.last_seq)));
    let statement = update(unchanged).set((
        balances::balance.eq(Db(after.balance.0)),
        balances::last_seq.eq(Db(after.last_seq)),
    ));
    let changed = Fixed(statement).execute(session.connection()).await?;
    Ok(changed == 1)
}

/// Writes a ledger row. The resulting balance has been written before.
pub(super) async fn record(session: &mut Session, entry: &LedgerEntry) -> QueryResult<()> {
    let (reason, reservation) = match entry.reason {
        LedgerReason::Charge => (Reason::Charge, None),
        LedgerReason::Payment(reservation) => (Reason::Payment, Some(reservation)),
    };
    insert_into(ledger::table)
        .values((
            ledger::id.eq(Db(entry.id)),
            ledger::user_id.eq(Db(entry.user.clone())),
            ledger::seq.eq(Some(Db(entry.seq))),
            ledger::reason.eq(Db(reason)),
            ledger::amount.eq(Db(entry.amount)),
            ledger::balance_after.eq(Db(entry.balance.0)),
            ledger::reservation_id.eq(reservation.map(Db)),
            ledger::at.eq(Db(entry.at)),
        ))
        .execute(session.connection())
        .await
        .map(drop)
}

async fn charge(session: &mut Session, charge: &Charge) -> QueryResult<Verdict<ChargeOutcome>> {
    session.begin().await?;
    match idempotency::claim(session, &charge.keyed, charge.entry.0).await? {
        Claim::Ours => {}
        Claim::UnderWay => return Ok(Verdict::Rollback(ChargeOutcome::InProgress)),
        Claim::Taken => return replayed(session, charge).await,
    }
    let (before, now) = lock_account(session, &charge.user).await?;
    let account = before.unwrap_or_default();
    let Some(after) = account.balance.charged(charge.amount) else {
        return Ok(Verdict::Rollback(ChargeOutcome::TooMuch));
    };
    let after = account.followed_by(after);
    if !change_account(session, &charge.user, before, after).await? {
        return Ok(Verdict::Retry);
    }
    let entry = LedgerEntry {
        id: charge.entry,
        user: charge.user.clone(),
        seq: after.last_seq,
        reason: LedgerReason::Charge,
        amount: charge.amount,
        balance: after.balance,
        at: now,
    };
    record(session, &entry).await?;
    if let Some(operator) = &charge.operator {
        audit::note(session, operator, &AuditNote::points_charged(&entry)).await?;
    }
    Ok(Verdict::Commit(ChargeOutcome::Charged(Applied::first(
        Charged {
            amount: charge.amount,
            balance: after.balance,
        },
    ))))
}

/// Returns the outcome of an earlier use of the charge's key.
async fn replayed(session: &mut Session, charge: &Charge) -> QueryResult<Verdict<ChargeOutcome>> {
    session.roll_back().await?;
    Ok(match idempotency::find(session, &charge.keyed).await? {
        KeyUse::Replayed(EffectOf::Charge(effect)) => {
            Verdict::Commit(ChargeOutcome::Charged(Applied::replayed(effect)))
        }
        KeyUse::Replayed(_) | KeyUse::OtherRequest => Verdict::Commit(ChargeOutcome::KeyReused),
        // It stays absent only for a moment: keys of payments and charges are kept.
        KeyUse::New => Verdict::Retry,
    })
}

/// Locks a user's account, if they have one, against changes by other calls, and reads it and the
/// time.
pub(super) async fn lock_account(
    session: &mut Session,
    user: &UserId,
) -> QueryResult<(Option<Account>, Timestamp)> {
    let locked: Option<(Db<Amount>, Db<u64>, Db<Timestamp>)> = balances::table
        .find(Db(user.clone()))
        .select((balances::balance, balances::last_seq, session.now()))
        .for_update()
        .get_result(session.connection())
        .await
        .optional()?;
    if let Some((balance, last_seq, now)) = locked {
        let account = Account {
            balance: Balance(balance.0),
            last_seq: last_seq.0,
        };
        return Ok((Some(account), now.0));
    }
    let now: Db<Timestamp> = diesel::select(session.now())
        .get_result(session.connection())
        .await?;
    Ok((None, now.0))
}
