use std::time::Duration;

use super::*;
use crate::{
    model::{Amount, Row, Section},
    ports::{
        MasterPolicy, MockConcertEditor, MockConcerts, MockIdempotency, MockQueueControl,
        MockQueuePolicies, ReserveOutcome, SeedOutcome,
    },
    test_support::*,
};

/// When the queue of the concert opens, in seconds since 1970.
const OPENS_AT: i64 = 500;
/// When the only performance of the concert starts, in seconds since 1970.
const STARTS_AT: i64 = 700;

struct Given {
    store_is_down: bool,
    key: KeyUse,
}

impl Given {
    const NOTHING: Self = Self {
        store_is_down: false,
        key: KeyUse::New,
    };
}

fn edit(editor: MockConcertEditor, given: Given) -> EditConcerts {
    let Given { store_is_down, key } = given;
    let master = || {
        let mut policy = policy(1);
        policy.policy.opens_at = Some(at(OPENS_AT));
        MasterPolicy {
            policy,
            seeded: false,
            reserved: None,
        }
    };
    let policies = || {
        let mut policies = MockQueuePolicies::new();
        policies
            .expect_find()
            .returning(move |_| Ok(Some(master())));
        policies
            .expect_reserve_generation()
            .returning(|_, generation| Ok(ReserveOutcome::Reserved(generation)));
        policies.expect_mark_seeded().returning(|_| Ok(()));
        Arc::new(policies)
    };
    let mut control = MockQueueControl::new();
    control.expect_seed().returning(move |_| {
        if store_is_down {
            Err(down())
        } else {
            Ok(stamped(SeedOutcome::Taken { recovering: false }))
        }
    });
    let mut concerts = MockConcerts::new();
    concerts
        .expect_performances()
        .returning(|_| Ok(vec![performance(PERFORMANCE, STARTS_AT)]));
    let mut idempotency = MockIdempotency::new();
    idempotency
        .expect_find()
        .returning(move |_| Ok(key.clone()));
    EditConcerts {
        editor: Arc::new(editor),
        concerts: Arc::new(concerts),
        policies: policies(),
        idempotency: Arc::new(idempotency),
        seeding: Arc::new(SeedQueues::new(
            policies(),
            no_served_entries(),
            Arc::new(control),
            ids(),
            statuses(),
            RECOVERY,
        )),
        browse: Arc::new(Browse::new(Arc::new(MockConcerts::new()), clock(50))),
        sale: mark_sale(&[CONCERT]),
        ids: ids(),
        clock: clock(50),
        rules: PolicyRules {
            longest_poll: Duration::from_secs(15),
        },
    }
}

fn performance(id: PerformanceId, starts_at: i64) -> Performance {
    Performance {
        id,
        concert: CONCERT,
        starts_at: at(starts_at),
        venue: venue(),
        seats_total: 2,
        seats_left: 2,
    }
}

fn title() -> ConcertTitle {
    ConcertTitle::try_from("A concert").unwrap()
}

fn venue() -> Venue {
    Venue::try_from("A hall").unwrap()
}

fn seats() -> SeatPlan {
    SeatPlan::new(&[Section {
        name: "Stalls".into(),
        price: Amount::ZERO,
        rows: vec![Row {
            name: "A".into(),
            seats: 2,
        }],
    }])
    .unwrap()
}

fn planned(starts_at: i64, allow_past: bool) -> PlannedPerformance {
    PlannedPerformance {
        concert: CONCERT,
        starts_at: at(starts_at),
        venue: venue(),
        seats: seats(),
        allow_past,
    }
}

fn created_concert(replayed: bool) -> CreateConcertOutcome {
    CreateConcertOutcome::Created(Applied {
        effect: CONCERT,
        replayed,
    })
}

fn created_performance(replayed: bool) -> CreatePerformanceOutcome {
    CreatePerformanceOutcome::Created(Applied {
        effect: PERFORMANCE,
        replayed,
    })
}

#[tokio::test]
async fn a_new_concert_has_a_queue_even_while_its_store_is_down() {
    for store_is_down in [false, true] {
        let mut editor = MockConcertEditor::new();
        editor
            .expect_create_concert()
            .withf(|id, _, policy, by, keyed| {
                let expected =
                    Keyed::create_concert("ops", &title(), &QueuePolicy::default(), key());
                *id == CONCERT
                    && policy.version == PolicyVersion(50_000_000)
                    && *by == operator()
                    && *keyed == Some(expected)
            })
            .once()
            .return_once(|_, _, _, _, _| Ok(created_concert(false)));
        let edit = edit(
            editor,
            Given {
                store_is_down,
                ..Given::NOTHING
            },
        );
        let created = edit
            .create_concert(&title(), QueuePolicy::default(), "ops", Some(key()))
            .await;
        assert_eq!(created, Ok(CreatedConcert::Asked(created_concert(false))));
        let wanted = edit.seeding.statuses().take_wanted().contains(&CONCERT);
        assert_eq!(wanted, store_is_down);
    }
}

#[tokio::test]
async fn a_concert_with_an_invalid_policy_is_not_created() {
    let wrong = QueuePolicy {
        throughput: None,
        ..QueuePolicy::default()
    };
    let answer = edit(MockConcertEditor::new(), Given::NOTHING)
        .create_concert(&title(), wrong, "ops", None)
        .await;
    assert!(matches!(answer, Ok(CreatedConcert::InvalidPolicy(_))));
}

#[tokio::test]
async fn a_repeated_creation_returns_the_effect_of_the_first_call() {
    let creating = |key| {
        edit(
            MockConcertEditor::new(),
            Given {
                key,
                ..Given::NOTHING
            },
        )
    };
    let invalid_by_now = QueuePolicy {
        throughput: None,
        ..QueuePolicy::default()
    };
    for (found, expected) in [
        (EffectOf::Concert(CONCERT), created_concert(true)),
        (
            EffectOf::Performance(PERFORMANCE),
            CreateConcertOutcome::KeyReused,
        ),
    ] {
        let answer = creating(KeyUse::Replayed(found))
            .create_concert(&title(), invalid_by_now.clone(), "ops", Some(key()))
            .await;
        assert_eq!(answer, Ok(CreatedConcert::Asked(expected)));
    }
    // The performance has started since.
    for (found, expected) in [
        (
            KeyUse::Replayed(EffectOf::Performance(PERFORMANCE)),
            created_performance(true),
        ),
        (KeyUse::OtherRequest, CreatePerformanceOutcome::KeyReused),
    ] {
        let answer = creating(found)
            .create_performance(planned(1, false), "ops", Some(key()))
            .await;
        assert_eq!(answer, Ok(CreatedPerformance::Asked(expected)));
    }
}

#[tokio::test]
async fn an_implausible_start_needs_allow_past() {
    let over = 50;
    let before_opening = OPENS_AT - 1;
    for (starts_at, allow_past, plausible) in [
        (over, false, false),
        (over, true, true),
        (over + 1, false, true),
        (before_opening, false, true),
    ] {
        let mut editor = MockConcertEditor::new();
        editor
            .expect_create_performance()
            .times(usize::from(plausible))
            .returning(|_, _, _| Ok(created_performance(false)));
        let answer = edit(editor, Given::NOTHING)
            .create_performance(planned(starts_at, allow_past), "ops", None)
            .await
            .unwrap();
        let is_accepted = matches!(answer, CreatedPerformance::Asked(_));
        assert_eq!(is_accepted, plausible, "{starts_at}");
    }
}

#[tokio::test]
async fn the_last_performance_does_not_move_before_the_queue_opens() {
    for (starts_at, allow_past, plausible) in [
        (OPENS_AT - 1, false, false),
        (OPENS_AT - 1, true, true),
        (OPENS_AT, false, true),
        (10, false, false),
        (STARTS_AT, false, true),
    ] {
        let mut editor = MockConcertEditor::new();
        editor
            .expect_edit_performance()
            .times(usize::from(plausible))
            .returning(|_, _, _, _| Ok(EditOutcome::Done));
        let change = PerformanceEdit {
            starts_at: Some(at(starts_at)),
            ..PerformanceEdit::default()
        };
        let answer = edit(editor, Given::NOTHING)
            .edit_performance(CONCERT, PERFORMANCE, &change, allow_past, "ops")
            .await
            .unwrap();
        let is_accepted = matches!(answer, EditedPerformance::Asked(_));
        assert_eq!(is_accepted, plausible, "{starts_at}");
    }
}

#[tokio::test]
async fn edits_name_their_operator() {
    let change = PerformanceEdit {
        starts_at: Some(at(1_000)),
        seats: Some(seats()),
        ..PerformanceEdit::default()
    };
    let expected = change.clone();
    let mut editor = MockConcertEditor::new();
    editor
        .expect_retitle_concert()
        .withf(|_, _, by| *by == operator())
        .return_once(|_, _, _| Ok(EditOutcome::Done));
    editor
        .expect_edit_performance()
        .withf(move |_, _, edit, by| *edit == expected && *by == operator())
        .return_once(|_, _, _, _| Ok(EditOutcome::NotFound));
    let edit = edit(editor, Given::NOTHING);
    assert_eq!(
        edit.retitle_concert(CONCERT, &title(), "ops").await,
        Ok(EditOutcome::Done)
    );
    assert_eq!(
        edit.edit_performance(CONCERT, PERFORMANCE, &change, false, "ops")
            .await,
        Ok(EditedPerformance::Asked(EditOutcome::NotFound))
    );
}
