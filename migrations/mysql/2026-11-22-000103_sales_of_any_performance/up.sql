-- A payment would lock the performance's row to see that there is one, and so wait for an edit of a seat plan, which locks
-- it and then waits for the seats that are being paid. The reservation that is paid has said that there is one.
SET @change = IF(
    EXISTS (SELECT * FROM information_schema.table_constraints
            WHERE table_schema = DATABASE() AND table_name = 'performance_sales'
                AND constraint_name = 'performance_sales_performance'),
    'ALTER TABLE performance_sales DROP FOREIGN KEY performance_sales_performance',
    'DO 0');
PREPARE change_table FROM @change;
EXECUTE change_table;
DEALLOCATE PREPARE change_table;
