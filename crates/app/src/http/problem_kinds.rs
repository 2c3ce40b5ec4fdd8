//! Every kind of problem that the API answers with: its name, its status, and its page.

use actix_web::http::StatusCode;

/// A kind of problem. Its `type` is the page `/problems/{slug}` of this server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ProblemKind {
    /// The last part of `type`.
    pub(crate) slug: &'static str,
    /// The HTTP status.
    pub(crate) status: StatusCode,
    /// A short summary, the same for every occurrence.
    pub(crate) title: &'static str,
    /// The meaning of the problem, and advice for the client.
    pub(crate) help: &'static str,
}

macro_rules! kinds {
    ($($name:ident = $status:ident, $slug:literal, $title:literal, $help:literal;)*) => {
        impl ProblemKind {
            $(
                #[doc = $title]
                pub(crate) const $name: Self = Self {
                    slug: $slug,
                    status: StatusCode::$status,
                    title: $title,
                    help: $help,
                };
            )*

            /// All kinds.
            pub(crate) const ALL: &[Self] = &[$(Self::$name),*];
        }
    };
}

kinds! {
    MALFORMED = BAD_REQUEST, "malformed-request", "The request cannot be read",
        "The request is not valid HTTP or JSON, so it could not be read. Nothing was changed.";
    NO_IDEMPOTENCY_KEY = BAD_REQUEST, "idempotency-key-required", "An Idempotency-Key is needed",
        "Payments and charges need an Idempotency-Key header: 1 to 255 printable ASCII characters that the client generates, and the same ones when it repeats the request. A request whose answer was lost can then be sent again, at any time later, and takes effect once. The answer to a repeat has the header Idempotent-Replayed: true.";
    NO_IDENTITY = UNAUTHORIZED, "identity-required", "An identity is needed",
        "Send the identity from your identity provider as Authorization: Bearer. If this server trusts X-User-Id, you can send that header instead.";
    BAD_IDENTITY = UNAUTHORIZED, "identity-invalid", "The identity is not valid",
        "The identity was not signed by the identity provider of this service, was issued for another service, or has expired. Sign in again.";
    NO_QUEUE_TOKEN = UNAUTHORIZED, "queue-token-required", "A queue token is needed",
        "Join the queue of the concert with POST /v1/queue/tokens and send the returned token in the Queue-Token header.";
    BAD_QUEUE_TOKEN = UNAUTHORIZED, "queue-token-invalid", "The queue token is not valid",
        "The token was not signed by this service with a key that it still accepts. Join the queue again.";
    NO_ADMIN_KEY = UNAUTHORIZED, "admin-key-required", "An admin key is needed",
        "Send an admin key as Authorization: Bearer. Admin keys are configured as admin.keys. Without any, the first start generates one in the data folder.";
    NOT_ENOUGH_POINTS = PAYMENT_REQUIRED, "not-enough-points", "Not enough points",
        "The balance does not cover the price of the seats. Nothing was charged. The hold stays until its deadline. Charge points and pay again.";
    OTHER_USERS_TOKEN = FORBIDDEN, "other-users-queue-token", "The queue token belongs to another user",
        "A queue token is valid only for the user who joined.";
    OTHER_CONCERTS_TOKEN = FORBIDDEN, "other-concerts-queue-token", "The queue token is for another concert",
        "Each concert has its own queue, and a place in one queue is not valid for another concert. Join the queue of this concert.";
    SELF_CHARGE_OFF = FORBIDDEN, "self-charge-off", "Users cannot charge their own points here",
        "On this server, only operators charge points.";
    NOT_FOUND = NOT_FOUND, "not-found", "Not found",
        "Nothing exists at this address, or it belongs to another user.";
    METHOD_NOT_ALLOWED = METHOD_NOT_ALLOWED, "method-not-allowed", "The method is not allowed here",
        "The address exists, but does not accept this method. The Allow header lists the methods that it accepts.";
    QUEUE_CLOSED = CONFLICT, "queue-closed", "The queue is closed",
        "The queue does not accept joins now.";
    QUEUE_FULL = CONFLICT, "queue-full", "The queue is full",
        "The number of waiting users has reached its limit. Try again later.";
    CONCERT_ENDED = CONFLICT, "concert-ended", "The concert has ended",
        "Its last performance has started, so no more seats can be held. If a performance is added, the queue \
         opens again.";
    SOLD_OUT = CONFLICT, "sold-out", "The concert is sold out",
        "No seat is left. If seats become free, the queue opens again.";
    SEATS_TAKEN = CONFLICT, "seats-taken", "Seats are taken",
        "The seats listed under seats were held or bought by other users. None of the requested seats was held. Choose other seats.";
    SEATS_IN_USE = CONFLICT, "seats-in-use", "Seats are in use",
        "The seats listed under seats are held or sold, and the new plan lacks them or gives them another section or price. Nothing was changed. Leave them unchanged, or wait until their holds have ended.";
    PERFORMANCE_EXISTS = CONFLICT, "performance-exists", "The performance exists already",
        "A concert has at most one performance with the same start and venue. The performance in performance_id has this start and venue, and other seats or prices. Nothing was changed. Edit that performance, or choose another start or venue.";
    PERFORMANCE_IN_USE = CONFLICT, "performance-in-use", "Seats of the performance are held or sold",
        "A performance can be deleted only while none of its seats is held or sold. Nothing was deleted. Wait until its holds have ended. Sold seats stay sold.";
    QUEUE_NOT_CLOSED = CONFLICT, "queue-not-closed", "The queue is not closed",
        "A concert can be deleted once its queue accepts no joins. Close it first with PATCH /v1/admin/concerts/{concert_id}/queue and the state closed, and wait until the change is in force.";
    QUEUE_IN_USE = CONFLICT, "queue-in-use", "The queue is not empty",
        "A concert can be deleted once its closed queue has no waiting and no active place. Places end at their deadlines. Try again later.";
    POLICY_CONFLICT = CONFLICT, "policy-conflict", "Other operators change the policy at the same time",
        "At each attempt, another operator had changed the policy of this queue since it was read. Nothing was changed. Send the change again after Retry-After.";
    SEAT_LIMIT = CONFLICT, "seat-limit", "Too many seats",
        "The number of seats of one user in a performance is limited. Held and bought seats count together.";
    HOLD_EXISTS = CONFLICT, "hold-exists", "There is another hold",
        "A user can have one hold per concert at a time. Pay or release the reservation in reservation_id first.";
    STARTED = CONFLICT, "performance-started", "The performance has started",
        "Seats can be held until the performance starts. A hold that is live at that time can be paid until its deadline.";
    ALREADY_PAID = CONFLICT, "already-paid", "The reservation is already paid",
        "It was paid once, with another Idempotency-Key. This request charged nothing.";
    IN_PROGRESS = CONFLICT, "request-in-progress", "The same request is under way",
        "Another request with this Idempotency-Key is being processed. Send the request again after Retry-After to get its result.";
    BALANCE_LIMIT = CONFLICT, "balance-limit", "The balance would be too large",
        "A balance is at most 9007199254740991. Nothing was charged.";
    STREAM_SUPERSEDED = CONFLICT, "stream-superseded", "The place has newer event streams",
        "A place has at most three event streams on one instance of the service. When another one is opened, the oldest ends. Do not open it again automatically. Look up the place with GET /v1/queue/token, or close another tab first.";
    PLACE_GONE = GONE, "place-gone", "The place in the queue has ended",
        "The user paid or left, the place passed its deadline, or the concert was deleted. Join the queue again.";
    HOLD_OVER = GONE, "hold-over", "The hold has ended",
        "The seats were not paid for in time, or were released. Nothing was charged. Hold seats again.";
    DELETED_SINCE = GONE, "deleted-since", "The result was deleted later",
        "This request, or an earlier one with the same Idempotency-Key, created the concert or performance, and an operator has deleted it since. To create another one, send a new key.";
    TOO_SLOW = REQUEST_TIMEOUT, "body-too-slow", "The body arrived too slowly",
        "The body of a request must arrive within 10 seconds of its head. Nothing was changed.";
    TOO_LARGE = PAYLOAD_TOO_LARGE, "body-too-large", "The body is too large",
        "No request to this server needs a body of this size.";
    NOT_JSON = UNSUPPORTED_MEDIA_TYPE, "json-required", "The body must be JSON",
        "Send the body as JSON, with Content-Type: application/json.";
    INVALID = UNPROCESSABLE_ENTITY, "invalid-request", "The request is not valid",
        "The request could be read, but the fields listed under errors are not valid. Nothing was changed.";
    KEY_REUSED = UNPROCESSABLE_ENTITY, "idempotency-key-reused", "The Idempotency-Key was used for another request",
        "A key identifies one request of its sender, who is a user or an operator: the same operation on the same resource, with a body of the same meaning. Generate a new key for another request.";
    STILL_WAITING = TOO_MANY_REQUESTS, "still-waiting", "Your turn has not come yet",
        "The place in the queue is not active yet. Look it up with GET /v1/queue/token, not before Retry-After.";
    UNAVAILABLE = SERVICE_UNAVAILABLE, "unavailable", "Temporarily unavailable",
        "A store that this server needs does not answer, or is overloaded. Send the request again after Retry-After, with the same Idempotency-Key if it had one. Retry-After differs between answers so that not all clients retry at the same time.";
}

impl ProblemKind {
    /// Returns the kind with this slug.
    pub(crate) fn find(slug: &str) -> Option<&'static Self> {
        Self::ALL.iter().find(|kind| kind.slug == slug)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_kind_has_a_unique_name() {
        let slugs: HashSet<_> = ProblemKind::ALL.iter().map(|kind| kind.slug).collect();
        assert_eq!(slugs.len(), ProblemKind::ALL.len());
        assert!(
            ProblemKind::ALL
                .iter()
                .all(|kind| kind.status.as_u16() != 500)
        );
    }
}
