CREATE TABLE customers (id int PRIMARY KEY, name varchar(80) NOT NULL, city text, country char(2),
    email text, created_on date, meta jsonb, update_time timestamp);
CREATE TABLE orders (id int PRIMARY KEY, customer_id int REFERENCES customers (id),
    ordered_at timestamp, status text, total numeric(12, 2), "delete" boolean);
CREATE TABLE products (id int PRIMARY KEY, name text, category text, price numeric(10, 2), attributes jsonb);
CREATE TABLE lines (order_id int, product_id int, quantity int, price numeric(10, 2),
    PRIMARY KEY (order_id, product_id));

INSERT INTO customers (id, name, city, country, email, created_on, meta, update_time) VALUES
(1, 'Ada', 'London', 'GB', 'ada@example.org', '2024-01-05', '{"tier": "gold", "tags": ["a", "b"]}', '2024-02-01 10:00:00'),
(2, 'Bo', 'Bonn', 'DE', NULL, '2024-03-17', '{"tier": "silver", "tags": []}', '2024-02-01 10:00:00'),
(3, 'Cy; DROP TABLE x', 'Cork', 'IE', 'cy@example.org', '2023-11-30', '{"tier": null}', NULL);
INSERT INTO orders (id, customer_id, ordered_at, status, total) VALUES
(1, 1, '2024-02-03 10:11:12', 'paid', 12.50), (2, 1, '2024-02-07 08:00:00', 'open', 99.99),
(3, 2, '2024-04-01 00:00:00', 'paid', 0.01), (4, 3, '2024-05-05 23:59:59', 'void', 1000.00);
INSERT INTO products (id, name, category, price, attributes) VALUES
(1, 'Pen', 'office', 1.20, '{"color": "blue", "sizes": [1, 2]}'), (2, 'Mug', 'kitchen', 7.00, '{"color": "red"}');
INSERT INTO lines (order_id, product_id, quantity, price) VALUES (1, 1, 3, 1.20), (2, 2, 1, 7.00), (3, 1, 9, 1.10);
CREATE SEQUENCE numbers; GRANT USAGE, SELECT ON SEQUENCE numbers TO reader;
CREATE FUNCTION writing() RETURNS int LANGUAGE sql VOLATILE
    AS 'INSERT INTO orders (id) VALUES (80); SELECT 1';
CREATE PROCEDURE doing() LANGUAGE sql AS 'DELETE FROM lines';
