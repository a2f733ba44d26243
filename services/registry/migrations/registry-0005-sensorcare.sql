-- How sensors are cared for, over time.
CREATE TABLE sensorcare_history (
    id         text NOT NULL,          -- <pond>-S-<sensor>
    version    integer NOT NULL,
    valid_from date NOT NULL,
    valid_to   date,
    pond_id    text NOT NULL,
    sensor_id  text NOT NULL,
    state      jsonb NOT NULL,
    PRIMARY KEY (id, valid_from)
);

CREATE INDEX sensorcare_now ON sensorcare_history (pond_id, sensor_id) WHERE valid_to IS NULL;
CREATE INDEX sensorcare_of_sensor ON sensorcare_history (pond_id, sensor_id, valid_from);
