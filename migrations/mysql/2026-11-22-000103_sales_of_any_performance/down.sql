SET @change = IF(
    EXISTS (SELECT * FROM information_schema.table_constraints
            WHERE table_schema = DATABASE() AND table_name = 'performance_sales'
                AND constraint_name = 'performance_sales_performance'),
    'DO 0',
    'ALTER TABLE performance_sales
         ADD CONSTRAINT performance_sales_performance FOREIGN KEY (performance_id) REFERENCES performances (id)');
PREPARE change_table FROM @change;
EXECUTE change_table;
DEALLOCATE PREPARE change_table;
