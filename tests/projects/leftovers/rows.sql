INSERT INTO clicks (at, page, parent) VALUES
    ('2024-05-01 10:00:00', '/a', ''), ('2024-05-01 10:01:00', '/a/b', '/a'), ('2024-05-01 10:02:00', '/a/b', '/a'),
    ('2024-05-01 10:03:00', '/a/b/c', '/a/b');
INSERT INTO pages SELECT page, upper(right(page, 1)), countState(), toIntervalMillisecond(5) FROM clicks WHERE page != '/a/b/c' GROUP BY page;
