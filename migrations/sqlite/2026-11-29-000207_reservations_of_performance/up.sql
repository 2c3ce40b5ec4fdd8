-- For the deletion of a performance, and for `frontrow reconcile`.
CREATE INDEX reservations_of_performance ON reservations (performance_id);
