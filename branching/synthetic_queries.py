"""What inventing a row has to know of a table, asked of the copy."""

from __future__ import annotations

from typing import LiteralString

from branching.catalog_queries import OWN_RELATION, OWN_SCHEMAS

COLUMNS: LiteralString = f"""
    SELECT n.nspname || '.' || c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
           coalesce(format_type(nullif(t.typbasetype, 0), t.typtypmod), format_type(a.atttypid, a.atttypmod)),
           a.attnotnull OR t.typnotnull, a.atthasdef OR a.attidentity <> '',
           ARRAY(SELECT e.enumlabel::text FROM pg_enum e
                 WHERE e.enumtypid IN (t.oid, t.typbasetype) ORDER BY e.enumsortorder),
           ARRAY(SELECT l[1] FROM (
                     SELECT pg_get_constraintdef(o.oid) AS definition FROM pg_constraint o
                     WHERE o.contype = 'c' AND (o.conrelid = c.oid AND a.attnum = ANY (o.conkey) OR o.contypid = t.oid)
                     UNION ALL
                     SELECT pg_get_expr(p.relpartbound, p.oid) FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhrelid
                     WHERE i.inhparent = c.oid AND c.relkind = 'p'
                 ) AS rules, regexp_matches(definition, '''((?:[^'']|'''')*)''', 'g') AS l),
           ARRAY(SELECT m[1] FROM pg_constraint o,
                     regexp_matches(pg_get_constraintdef(o.oid), '[^\\w.''"](-?\\d+(?:\\.\\d+)?)', 'g') AS m
                 WHERE o.contype = 'c' AND (o.conrelid = c.oid AND a.attnum = ANY (o.conkey) OR o.contypid = t.oid))
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
    LEFT JOIN pg_type t ON t.oid = a.atttypid
    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND {OWN_SCHEMAS} AND {OWN_RELATION}
    ORDER BY n.nspname, c.relname, a.attnum"""
"""The table, then the column's name, type, base type, whether it is NOT NULL and has a default, its type's labels, and
the texts and numbers in its checks and in the bounds of its partitions."""

CONSTRAINTS: LiteralString = """
    SELECT o.conname AS name, n.nspname || '.' || c.relname AS table, o.contype::text AS kind,
           ARRAY(SELECT a.attname::text FROM unnest(o.conkey) WITH ORDINALITY AS k (number, place)
                 JOIN pg_attribute a ON a.attrelid = o.conrelid AND a.attnum = k.number ORDER BY place) AS columns,
           coalesce(rn.nspname || '.' || r.relname, '') AS other,
           ARRAY(SELECT a.attname::text FROM unnest(o.confkey) WITH ORDINALITY AS k (number, place)
                 JOIN pg_attribute a ON a.attrelid = o.confrelid AND a.attnum = k.number ORDER BY place)
               AS other_columns
    FROM pg_constraint o JOIN pg_class c ON c.oid = o.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_class r ON r.oid = o.confrelid LEFT JOIN pg_namespace rn ON rn.oid = r.relnamespace
    WHERE o.conparentid = 0
    ORDER BY o.oid"""
