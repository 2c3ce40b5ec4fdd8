DROP TABLE IF EXISTS performance_sales;
