INSERT INTO `readings.raw` (sensor, at, value, `meta.unit`, tags) VALUES
    ('s1', '2024-01-31 10:00:00.000', 20, 'C', {'room': 'a'}), ('s1', '2024-01-31 10:30:00.500', 22, 'C', {'room': 'a'}),
    ('s1', '2024-01-31 11:15:00.000', NULL, 'C', {}), ('s2', '2024-01-31 10:10:00.000', 70, 'F', {'room': 'b'});
INSERT INTO calibrations VALUES ('s1', '2024-01-01 00:00:00', 0), ('s1', '2024-01-31 10:15:00', -1);
INSERT INTO `hourly`
    SELECT toStartOfHour(at) AS hour, sensor, avgState(assumeNotNull(value)), max(assumeNotNull(value))
    FROM `readings.raw` WHERE value IS NOT NULL GROUP BY hour, sensor;
INSERT INTO `readings.raw_landing` (__value) VALUES ('{"sensor": "s1", "at": "never", "value": 1, "tags": {}}');
