INSERT INTO facts (id, kind, score, body) VALUES
    (1, 'a', 0.5, '{"level": 1, "who": "x"}'), (2, 'b', 1.5, '{"level": 2}'), (3, 'a', 2.5, '{"who": "y"}');
