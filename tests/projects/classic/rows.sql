INSERT INTO visits (at, page, visitor) VALUES
    ('2024-05-01 10:00:00', '/', 'a'), ('2024-05-01 11:00:00', '/', 'b'), ('2024-05-02 10:00:00', '/', 'a'),
    ('2024-05-02 10:00:00', '/docs', 'a'), ('2024-05-03 10:00:00', '/docs', 'c'), ('2024-05-03 10:00:00', '/new', 'c');
INSERT INTO page_titles VALUES ('/', 'Home'), ('/docs', 'Documentation');
