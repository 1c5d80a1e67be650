CREATE TABLE customers (id integer PRIMARY KEY, name text NOT NULL, city text, country text,
    email text, created_on text, meta text, update_time text);
CREATE TABLE orders (id integer PRIMARY KEY, customer_id integer REFERENCES customers (id),
    ordered_at text, status text, total numeric, "delete" integer);
CREATE TABLE products (id integer PRIMARY KEY, name text, category text, price numeric, attributes text);
CREATE TABLE lines (order_id integer, product_id integer, quantity integer, price numeric,
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
