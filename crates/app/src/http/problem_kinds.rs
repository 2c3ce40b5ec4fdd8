//! Every problem that the API answers with: its name, its status, and the page that explains it.

use actix_web::http::StatusCode;

/// A kind of problem. Its `type` is the page `/problems/{slug}` of this server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ProblemKind {
    /// The last part of its `type`.
    pub(crate) slug: &'static str,
    /// The HTTP status.
    pub(crate) status: StatusCode,
    /// A few words, the same for every occurrence.
    pub(crate) title: &'static str,
    /// What it means and what to do about it.
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

            /// All of them.
            pub(crate) const ALL: &[Self] = &[$(Self::$name),*];
        }
    };
}

kinds! {
    MALFORMED = BAD_REQUEST, "malformed-request", "The request cannot be read",
        "The request is not what HTTP or JSON asks for, so nothing of it could be read. Nothing was changed.";
    NO_IDEMPOTENCY_KEY = BAD_REQUEST, "idempotency-key-required", "An Idempotency-Key is needed",
        "Payments and charges carry an Idempotency-Key header: 1 to 255 printable ASCII characters, made by the client, the same when the request is repeated. So a request whose answer was lost can be sent again, however late, and takes effect once. The answer to a repeat has the header Idempotent-Replayed: true.";
    NO_IDENTITY = UNAUTHORIZED, "identity-required", "Say who you are",
        "Send the identity that your identity provider gave you as Authorization: Bearer, or, where this server trusts it, X-User-Id.";
    BAD_IDENTITY = UNAUTHORIZED, "identity-invalid", "The identity is not valid",
        "The identity was not signed by the identity provider of this service, is for somebody else, or its time is over. Sign in again.";
    NO_QUEUE_TOKEN = UNAUTHORIZED, "queue-token-required", "A queue token is needed",
        "Join the concert's queue with POST /v1/queue/tokens and send the token that you are given in the Queue-Token header.";
    BAD_QUEUE_TOKEN = UNAUTHORIZED, "queue-token-invalid", "The queue token is not valid",
        "The token was not signed by this service with a key that it still accepts. Join the queue again.";
    NO_ADMIN_KEY = UNAUTHORIZED, "admin-key-required", "An admin key is needed",
        "Send an admin key as Authorization: Bearer. Admin keys are configured as admin.keys; without any, one is made in the data folder on the first start.";
    NOT_ENOUGH_POINTS = PAYMENT_REQUIRED, "not-enough-points", "Not enough points",
        "The balance does not cover the seats. Nothing was charged; the hold stays until its end. Charge points and pay again.";
    OTHER_USERS_TOKEN = FORBIDDEN, "other-users-queue-token", "The queue token is somebody else's",
        "A queue token is good for the user who joined, and for nobody else.";
    OTHER_CONCERTS_TOKEN = FORBIDDEN, "other-concerts-queue-token", "The queue token is for another concert",
        "Every concert has its own queue, and a place in one opens no other. Join the queue of this concert.";
    SELF_CHARGE_OFF = FORBIDDEN, "self-charge-off", "Users cannot charge their own points here",
        "On this server points are charged by its operators.";
    NOT_FOUND = NOT_FOUND, "not-found", "There is no such thing",
        "Nothing is there under this address, or it is somebody else's.";
    METHOD_NOT_ALLOWED = METHOD_NOT_ALLOWED, "method-not-allowed", "This cannot be done there",
        "The address exists, but not for this method. The Allow header says which methods it takes.";
    QUEUE_CLOSED = CONFLICT, "queue-closed", "The queue is closed",
        "Nobody can join this queue now.";
    QUEUE_FULL = CONFLICT, "queue-full", "The queue is full",
        "As many people wait as may. Try again later.";
    CONCERT_ENDED = CONFLICT, "concert-ended", "The concert has ended",
        "Its last performance has started, so no more seats can be held. Should a performance be added, the queue \
         opens again.";
    SOLD_OUT = CONFLICT, "sold-out", "The concert is sold out",
        "There is no seat left to wait for. Should seats come free, the queue opens again.";
    SEATS_TAKEN = CONFLICT, "seats-taken", "Seats are taken",
        "The seats listed under seats were held or bought by others. None of the seats asked for were held: choose others.";
    SEATS_IN_USE = CONFLICT, "seats-in-use", "Seats are in use",
        "The seats listed under seats are held or sold, and the new plan lacks them or gives them another section or price. Nothing was changed. Leave them as they are, or wait until their holds are over.";
    PERFORMANCE_EXISTS = CONFLICT, "performance-exists", "There is such a performance already",
        "Of a concert one performance at most starts at an instant in a venue. The one named performance_id does, and has other seats or prices. Nothing was changed. Edit that one, or choose another start or venue.";
    PERFORMANCE_IN_USE = CONFLICT, "performance-in-use", "Seats of the performance are held or sold",
        "A performance can be deleted while no seat of it is held or sold. Nothing was deleted. Wait until holds are over; what is sold stays.";
    QUEUE_NOT_CLOSED = CONFLICT, "queue-not-closed", "The queue is not closed",
        "A concert can be deleted once its queue takes no joins. Close it first with PATCH /v1/admin/concerts/{concert_id}/queue and the state closed, and wait until it is in force.";
    QUEUE_IN_USE = CONFLICT, "queue-in-use", "The queue is not empty",
        "A concert can be deleted once nobody waits in its closed queue or is active. Places end by their deadlines: try again later.";
    POLICY_CONFLICT = CONFLICT, "policy-conflict", "Others change the policy at the same time",
        "Each time the change was tried, another operator had changed the policy of this queue since it was read. Nothing was changed. Send the change again after Retry-After.";
    SEAT_LIMIT = CONFLICT, "seat-limit", "Too many seats",
        "One user may have only so many seats in a performance, held and bought together.";
    HOLD_EXISTS = CONFLICT, "hold-exists", "There is another hold",
        "One user may hold seats of a concert once at a time. Pay or release the reservation named reservation_id first.";
    STARTED = CONFLICT, "performance-started", "The performance has started",
        "Seats can be held until a performance starts. A hold that is live then can still be paid until its own end.";
    ALREADY_PAID = CONFLICT, "already-paid", "The reservation is paid already",
        "It was paid with another Idempotency-Key, and only once. Nothing was charged by this request.";
    IN_PROGRESS = CONFLICT, "request-in-progress", "The same request is under way",
        "A request with this Idempotency-Key is being worked on. Send it again after Retry-After to learn what came of it.";
    BALANCE_LIMIT = CONFLICT, "balance-limit", "The balance would be too large",
        "A balance is at most 9007199254740991. Nothing was charged.";
    STREAM_SUPERSEDED = CONFLICT, "stream-superseded", "The place has newer event streams",
        "A place has at most three event streams on one instance of the service: when another is opened, the oldest ends. Do not open it again by yourself; look the place up with GET /v1/queue/token, or close another tab first.";
    PLACE_GONE = GONE, "place-gone", "The place in the queue has ended",
        "It was paid with, left, used up, or not claimed or asked for in time; or its concert was deleted. Join the queue again.";
    HOLD_OVER = GONE, "hold-over", "The hold is over",
        "The seats were not paid for in time, or were released. Nothing was charged. Hold seats again.";
    DELETED_SINCE = GONE, "deleted-since", "It was deleted since",
        "This request, or an earlier one with the same Idempotency-Key, created it, and an operator has deleted it since. To create another one, send a new key.";
    TOO_SLOW = REQUEST_TIMEOUT, "body-too-slow", "The body came too slowly",
        "The body of a request must come within 10 seconds of its head. Nothing was changed.";
    TOO_LARGE = PAYLOAD_TOO_LARGE, "body-too-large", "The body is too large",
        "No request to this server needs a body of that size.";
    NOT_JSON = UNSUPPORTED_MEDIA_TYPE, "json-required", "The body must be JSON",
        "Send the body as JSON, with Content-Type: application/json.";
    INVALID = UNPROCESSABLE_ENTITY, "invalid-request", "The request is not valid",
        "The request could be read, but the fields listed under errors are not what they must be. Nothing was changed.";
    KEY_REUSED = UNPROCESSABLE_ENTITY, "idempotency-key-reused", "The Idempotency-Key was used for something else",
        "A key stands for one request of its sender, a user or an operator: the same operation on the same thing, with the same meaning of the body. Make a new key for another request.";
    STILL_WAITING = TOO_MANY_REQUESTS, "still-waiting", "Your turn has not come yet",
        "The place in the queue is not active yet. Look it up with GET /v1/queue/token, not sooner than Retry-After.";
    UNAVAILABLE = SERVICE_UNAVAILABLE, "unavailable", "Not available for the moment",
        "Something that this server needs does not answer, or is overloaded. Send the request again after Retry-After, which differs between answers so that not all come back at once, with the same Idempotency-Key if it had one.";
}

impl ProblemKind {
    /// The kind with this slug.
    pub(crate) fn find(slug: &str) -> Option<&'static Self> {
        Self::ALL.iter().find(|kind| kind.slug == slug)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_kind_has_a_name_of_its_own() {
        let slugs: HashSet<_> = ProblemKind::ALL.iter().map(|kind| kind.slug).collect();
        assert_eq!(slugs.len(), ProblemKind::ALL.len());
        assert!(
            ProblemKind::ALL
                .iter()
                .all(|kind| kind.status.as_u16() != 500)
        );
    }
}
