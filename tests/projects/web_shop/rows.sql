INSERT INTO orders (order_id, customer, placed_at, amount, items, note) VALUES
    (1, 'ada', '2024-01-01 10:00:00', 10.50, ['pen', 'ink'], NULL),
    (2, 'ada', '2024-01-03 09:00:00', 4.25, ['pen'], 'gift'),
    (3, 'bob', '2024-01-03 12:00:00', 100, ['desk'], NULL),
    (4, 'cyd', '2024-02-01 00:00:00', 7, [], 'a/b');
INSERT INTO customers VALUES ('ada', 'GB', '2024-01-01 00:00:00'), ('bob', 'FR', '2024-01-01 00:00:00');
INSERT INTO customers VALUES ('ada', 'SE', '2024-02-01 00:00:00');
