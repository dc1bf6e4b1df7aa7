INSERT INTO clicks (at, page, parent) VALUES
    ('2024-05-01 10:00:00', '/a', ''), ('2024-05-01 10:01:00', '/a/b', '/a'), ('2024-05-01 10:02:00', '/a/b', '/a'),
    ('2024-05-01 10:03:00', '/a/b/c', '/a/b');
INSERT INTO pages SELECT page, upper(right(page, 1)), countState(), toIntervalMillisecond(5), 1 FROM clicks WHERE page != '/a/b/c' GROUP BY page;
INSERT INTO flights (id, seat, _timestamp, _is_deleted) VALUES ('a', '1A', '2024-05-01 10:00:00', 0),
    ('a', '1B', '2024-05-01 11:00:00', 0), ('b', '2A', '2024-05-01 10:00:00', 0), ('b', '', '2024-05-01 12:00:00', 1);
