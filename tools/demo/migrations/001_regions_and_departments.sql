CREATE TABLE region (
    code text PRIMARY KEY CHECK (code ~ '^[0-9A-Z]{2,3}$'),
    name text NOT NULL
);

CREATE TABLE department (
    code text PRIMARY KEY CHECK (code ~ '^[0-9A-Z]{2,3}$'),
    name text NOT NULL,
    region_code text NOT NULL REFERENCES region
);
