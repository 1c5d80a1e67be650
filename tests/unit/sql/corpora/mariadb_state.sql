-- Everything that an attempt could change: data, sequences, definitions, users, settings.
CHECKSUM TABLE orders, customers, `lines`, products EXTENDED;
SELECT next_not_cached_value FROM numbers;
SELECT table_name, column_name, column_type FROM information_schema.columns
    WHERE table_schema = database() ORDER BY 1, 2;
SELECT routine_name FROM information_schema.routines WHERE routine_schema = database() ORDER BY 1;
SELECT trigger_name FROM information_schema.triggers WHERE trigger_schema = database();
SELECT event_name FROM information_schema.events;
SELECT user, host, sha2(priv, 256) FROM mysql.global_priv ORDER BY 1, 2;
SELECT @@global.read_only, @@global.general_log_file;
