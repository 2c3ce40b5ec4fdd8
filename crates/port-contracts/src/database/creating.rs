//! Creating concerts and performances, and repeated calls.

use frontrow_domain::{
    model::{
        Applied, ConcertId, ConcertTitle, Keyed, NewPerformance, PerformanceEdit, PerformanceId,
        queue::{PolicyVersion, QueuePolicy, VersionedPolicy},
    },
    ports::{CreateConcertOutcome, CreatePerformanceOutcome, EditOutcome},
};

use super::{
    DatabaseFixture, TestSale, at_once,
    calls::key,
    test_sale::{DAY, far, operator, plan, plan_of, title, venue},
};

impl<F: DatabaseFixture> TestSale<F> {
    /// Creates a concert under a new id.
    pub(crate) async fn create_concert(
        &self,
        title: &ConcertTitle,
        keyed: Option<Keyed>,
    ) -> CreateConcertOutcome {
        let policy = VersionedPolicy {
            policy: QueuePolicy::default(),
            version: PolicyVersion(1),
        };
        let id = ConcertId(self.fresh_id());
        let created = self
            .ports
            .editor
            .create_concert(id, title, &policy, &operator(), keyed)
            .await;
        created.expect("create concert")
    }

    /// Returns a performance of the test's concert, under a new id.
    pub(crate) fn planned(&self) -> NewPerformance {
        NewPerformance {
            id: PerformanceId(self.fresh_id()),
            concert: self.concert,
            starts_at: far() + DAY,
            venue: venue("Small Hall"),
            seats: plan(),
        }
    }

    /// Creates a performance.
    pub(crate) async fn create(
        &self,
        performance: &NewPerformance,
        text: Option<&str>,
    ) -> CreatePerformanceOutcome {
        let keyed = text.map(|text| keyed(performance, text));
        let editor = &self.ports.editor;
        let created = editor
            .create_performance(performance, &operator(), keyed)
            .await;
        created.expect("create performance")
    }

    async fn move_to(&self, id: PerformanceId, to: &NewPerformance) -> EditOutcome {
        let edit = PerformanceEdit {
            starts_at: Some(to.starts_at),
            venue: Some(to.venue.clone()),
            seats: None,
        };
        let editor = &self.ports.editor;
        let edited = editor
            .edit_performance(self.concert, id, &edit, &operator())
            .await;
        edited.expect("edit performance")
    }

    async fn count_performances(&self) -> usize {
        let all = self.ports.concerts.performances(self.concert).await;
        all.expect("performances").len()
    }
}

fn keyed(performance: &NewPerformance, text: &str) -> Keyed {
    let NewPerformance {
        concert,
        starts_at,
        venue,
        seats,
        ..
    } = performance;
    Keyed::create_performance("box-office", *concert, *starts_at, venue, seats, key(text))
}

fn first(id: PerformanceId) -> CreatePerformanceOutcome {
    CreatePerformanceOutcome::Created(Applied::first(id))
}

fn replayed(id: PerformanceId) -> CreatePerformanceOutcome {
    CreatePerformanceOutcome::Created(Applied::replayed(id))
}

/// One key creates one concert. Without a key, each call creates another one.
pub async fn one_key_creates_one_concert<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    let under = |name: &str| {
        let policy = QueuePolicy::default();
        Some(Keyed::create_concert(
            "ops",
            &title(name),
            &policy,
            key("key"),
        ))
    };
    let created = sale.create_concert(&title("New"), under("New")).await;
    let CreateConcertOutcome::Created(Applied { effect: id, .. }) = created else {
        panic!("{created:?}")
    };
    let repeated = sale.create_concert(&title("New"), under("New")).await;
    assert_eq!(
        repeated,
        CreateConcertOutcome::Created(Applied::replayed(id))
    );
    let other = sale.create_concert(&title("Other"), under("Other")).await;
    assert_eq!(other, CreateConcertOutcome::KeyReused);
    for _ in 0..2 {
        let created = sale.create_concert(&title("New"), None).await;
        assert!(
            matches!(&created, CreateConcertOutcome::Created(new) if new.effect != id),
            "{created:?}"
        );
    }
    let all = sale.ports.concerts.catalogue(far()).await;
    assert_eq!(all.expect("catalogue").concerts.len(), 4);
}

/// One key creates one performance. A repeat returns it, also after it was edited.
pub async fn one_key_creates_one_performance<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    let new = sale.planned();
    assert_eq!(sale.create(&new, Some("key")).await, first(new.id));
    let again = NewPerformance {
        id: PerformanceId(sale.fresh_id()),
        ..new.clone()
    };
    assert_eq!(sale.create(&again, Some("key")).await, replayed(new.id));
    let elsewhere = NewPerformance {
        venue: venue("Open Air"),
        ..again.clone()
    };
    assert_eq!(sale.move_to(new.id, &elsewhere).await, EditOutcome::Done);
    assert_eq!(sale.create(&again, Some("key")).await, replayed(new.id));
    let other = sale.create(&elsewhere, Some("key")).await;
    assert_eq!(other, CreatePerformanceOutcome::KeyReused);
    assert_eq!(sale.count_performances().await, 2);
}

/// Creating the same performance again returns the existing one, and stores no key.
pub async fn a_repeat_of_a_performance_returns_the_first_one<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    let new = sale.planned();
    assert_eq!(sale.create(&new, None).await, first(new.id));
    let again = NewPerformance {
        id: PerformanceId(sale.fresh_id()),
        ..new.clone()
    };
    for text in [None, Some("key")] {
        let created = sale.create(&again, text).await;
        assert_eq!(created, CreatePerformanceOutcome::Exists(new.id));
    }
    let elsewhere = NewPerformance {
        venue: venue("Open Air"),
        ..again
    };
    let created = sale.create(&elsewhere, Some("key")).await;
    assert_eq!(created, first(elsewhere.id));
    assert_eq!(sale.count_performances().await, 3);
}

/// Another plan, or another price, for the same concert, start and venue is refused.
pub async fn a_slot_has_one_performance<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    let new = sale.planned();
    assert_eq!(sale.create(&new, None).await, first(new.id));
    let taken = CreatePerformanceOutcome::SlotTaken(new.id);
    for seats in [
        plan_of(&[("Stalls", "A", 10, 100)]),
        plan_of(&[
            ("Balcony", "B", 10, 250),
            ("Stalls", "A", 10, 101),
            ("Standing", "C", 4, 0),
        ]),
        plan_of(&[
            ("Stalls", "A", 10, 100),
            ("Balcony", "B", 10, 250),
            ("Standing", "C", 4, 0),
        ]),
    ] {
        let other = NewPerformance {
            id: PerformanceId(sale.fresh_id()),
            seats,
            ..new.clone()
        };
        assert_eq!(sale.create(&other, None).await, taken);
        assert_eq!(sale.create(&other, Some("key")).await, taken);
    }
    // Another start, venue or concert is another slot. The refused key was not stored.
    let second = sale.add_concert("Second").await;
    for other in [
        NewPerformance {
            starts_at: far() + DAY * 2,
            ..sale.planned()
        },
        NewPerformance {
            venue: venue("small hall"),
            ..sale.planned()
        },
        NewPerformance {
            concert: second,
            ..sale.planned()
        },
    ] {
        let text = other.id.to_string();
        assert_eq!(sale.create(&other, Some(&text)).await, first(other.id));
    }
}

/// A performance cannot move to the slot of another one. A move to its own slot succeeds.
pub async fn a_performance_cannot_move_to_a_taken_slot<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    let new = sale.planned();
    let next_day = NewPerformance {
        starts_at: new.starts_at + DAY,
        ..sale.planned()
    };
    for performance in [&new, &next_day] {
        let created = sale.create(performance, None).await;
        assert_eq!(created, first(performance.id));
    }
    let moved = sale.move_to(next_day.id, &new).await;
    assert_eq!(moved, EditOutcome::SlotTaken(new.id));
    assert_eq!(sale.move_to(new.id, &new).await, EditOutcome::Done);
    // The slot that a performance left is free.
    let later = NewPerformance {
        starts_at: new.starts_at + DAY * 2,
        ..new.clone()
    };
    assert_eq!(sale.move_to(new.id, &later).await, EditOutcome::Done);
    assert_eq!(sale.move_to(next_day.id, &new).await, EditOutcome::Done);
    let again = sale.planned();
    let created = sale.create(&again, None).await;
    assert_eq!(created, CreatePerformanceOutcome::Exists(next_day.id));
}

/// If many calls create the same thing at once, one of them creates it, with a key and without.
pub async fn concurrent_creations_create_one_performance<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    for (day, text) in [(1, None), (2, Some("key"))] {
        let create = |_| {
            let performance = NewPerformance {
                starts_at: far() + DAY * day,
                ..sale.planned()
            };
            let keyed = text.map(|text| keyed(&performance, text));
            let editor = sale.ports.editor.clone();
            async move {
                let by = operator();
                let created = editor.create_performance(&performance, &by, keyed);
                created.await.expect("create performance")
            }
        };
        let mut created = 0;
        let mut ids = std::collections::HashSet::new();
        for outcome in at_once((0..8).map(create)).await {
            match outcome {
                CreatePerformanceOutcome::Created(Applied { effect, replayed }) => {
                    created += usize::from(!replayed);
                    ids.insert(effect);
                }
                CreatePerformanceOutcome::Exists(id) => {
                    ids.insert(id);
                }
                CreatePerformanceOutcome::InProgress => {}
                other => panic!("{other:?}"),
            }
        }
        assert_eq!((created, ids.len()), (1, 1), "{text:?}");
    }
    assert_eq!(sale.count_performances().await, 3);
}
