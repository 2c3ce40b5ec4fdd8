ALTER TABLE performance_sales
    ADD CONSTRAINT performance_sales_performance FOREIGN KEY (performance_id) REFERENCES performances (id);
