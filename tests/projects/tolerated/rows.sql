INSERT INTO readings (id, ratio, is_on, at, label, counts, version) VALUES
    (2147483647, 0.5, true, '2024-05-01 10:00:00.125', 'long text', [9223372036854775807, NULL], 1),
    (2147483647, 0.5, true, '2024-05-01 10:00:00.125', 'long text', [9223372036854775807, NULL], 2),
    (2147483647, 0.5, true, '2024-05-01 10:00:00.125', 'long text', [9223372036854775807, NULL], 2);
