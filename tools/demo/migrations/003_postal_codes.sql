-- A commune has several postal codes, and a postal code serves several communes.
CREATE TABLE postal_code (
    code text NOT NULL CHECK (code ~ '^[0-9]{5}$'),
    commune_id bigint NOT NULL REFERENCES commune ON DELETE CASCADE,
    PRIMARY KEY (code, commune_id)
);

CREATE VIEW department_population AS
    SELECT department_code, count(*) AS communes, sum(population) AS population FROM commune GROUP BY department_code;
