CREATE TABLE commune (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code text NOT NULL UNIQUE CHECK (code ~ '^[0-9][0-9AB][0-9]{3}$'),
    name text NOT NULL,
    department_code text NOT NULL REFERENCES department,
    region_code text NOT NULL REFERENCES region,
    population integer CHECK (population >= 0)
);

CREATE INDEX commune_name ON commune (name);
CREATE INDEX commune_department ON commune (department_code);
