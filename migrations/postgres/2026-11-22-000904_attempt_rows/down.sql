-- PostgreSQL keeps the rows of every table in the order in which they come.
SELECT 1;
