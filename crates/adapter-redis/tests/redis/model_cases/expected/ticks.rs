//! The expected results of ticks.

use frontrow_domain::{
    model::queue::{EffectiveState, HeadDecision},
    ports::TickReport,
};

use super::{super::case::CasePlace, Expected, before};

impl Expected<'_> {
    pub(in super::super) fn admit(&mut self, limit: u32) -> (&'static str, TickReport) {
        let (waiting, active) = self.counts();
        let (had_places, mut admitted, mut room) = (!self.places.is_empty(), 0, 0);
        let (mut removed, mut absent, mut made_room) = (Vec::new(), Vec::new(), false);
        let state = self.terms.state(self.now);
        let is_bypass = state == EffectiveState::Bypass;
        if waiting > 0 && (is_bypass || self.has_line()) {
            made_room = self.make_room();
            room = self
                .admission
                .room(state, self.terms.policy(), active, self.now);
            let admissions_max = room.min(limit.into()).min(waiting);
            let is_in_line = |number: &&usize| is_bypass || !self.aside.contains(number);
            let line = self.places.iter().filter(is_in_line);
            for &number in line {
                let CasePlace::Waiting { heartbeat, .. } = self.case.places[number] else {
                    continue;
                };
                if admitted == admissions_max {
                    break;
                }
                let heartbeat = before(self.written, heartbeat);
                match HeadDecision::of(heartbeat, &self.deadlines(), state, self.now) {
                    HeadDecision::StandAside => absent.push(number),
                    HeadDecision::Remove => removed.push(number),
                    HeadDecision::Admit => {
                        admitted += 1;
                        removed.push(number);
                    }
                }
            }
            let count = u32::try_from(admitted).unwrap();
            self.admission.record(state, self.terms.policy(), count);
        }
        self.keep(|number| !removed.contains(&number));
        self.returned.retain(|number| !absent.contains(number));
        self.aside.extend(absent.iter().copied());
        self.admitted += admitted;
        self.departed += removed.len() as u64;
        let heads =
            |number: &&usize| self.waits(**number) && (is_bypass || !self.aside.contains(number));
        let has_heads = self.places.iter().any(|number| heads(&number));
        let more = admitted < room && admitted < waiting && has_heads;
        let changed = made_room || !removed.is_empty() || !absent.is_empty();
        let mut report = self.report(had_places, changed, admitted, more);
        // Admitted users are active from now on.
        report.active += admitted;
        let kind = if !absent.is_empty() {
            "let stand aside"
        } else if admitted > 0 {
            "admit from the line"
        } else {
            "admit no user"
        };
        (kind, report)
    }

    pub(in super::super) fn expire(&mut self, limit: u32) -> (&'static str, TickReport) {
        let had_places = !self.places.is_empty();
        let expired: Vec<_> = self
            .places
            .iter()
            .copied()
            .filter(|n| self.is_over(*n))
            .collect();
        // Waiting places are removed first.
        let (mut order, active): (Vec<_>, Vec<_>) = expired
            .iter()
            .copied()
            .partition(|number| self.waits(*number));
        order.sort_by_key(|number| match self.case.places[*number] {
            CasePlace::Waiting { heartbeat, .. } => -heartbeat,
            _ => 0,
        });
        let in_line = order.len();
        order.extend(active);
        let removed = expired.len().min(limit as usize);
        self.departed += in_line.min(removed) as u64;
        let left: Vec<_> = order.split_off(removed);
        // The order among the active places is that of the store, and is not compared.
        self.keep(|number| !expired.contains(&number) || left.contains(&number));
        let more = removed < expired.len();
        let report = self.report(had_places, removed > 0, removed as u64, more);
        ("expire", report)
    }

    fn report(&mut self, had_places: bool, changed: bool, done: u64, more: bool) -> TickReport {
        if had_places && (changed || self.terms.tick_is_due(self.now)) {
            self.record_service();
        }
        let (waiting, active) = self.counts();
        let throughput = self.terms.policy().throughput;
        TickReport {
            done: u32::try_from(done).unwrap(),
            more,
            waiting,
            aside: self.aside.len() as u64,
            active,
            departed: self.departed,
            admitted: self.admitted,
            policy_version: self.terms.version(),
            throughput,
            window: self.admission.window.filter(|_| throughput.is_some()),
            queue: self.terms.view(self.now),
        }
    }
}
