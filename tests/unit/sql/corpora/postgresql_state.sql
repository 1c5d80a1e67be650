-- Everything that an attempt could change: data, sequences, definitions, roles, settings, objects.
SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM orders t
UNION ALL SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM lines t
UNION ALL SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM customers t
UNION ALL SELECT last_value::text || is_called::text FROM numbers
UNION ALL SELECT md5(string_agg(relname || relkind::text || coalesce(relacl::text, ''), '|' ORDER BY relname, oid)) FROM pg_class
    WHERE relnamespace <> 'pg_toast'::regnamespace
UNION ALL SELECT md5(string_agg(proname, '|' ORDER BY oid)) FROM pg_proc
UNION ALL SELECT md5(string_agg(attname, '|' ORDER BY attrelid, attnum)) FROM pg_attribute WHERE attrelid > 16384
UNION ALL SELECT md5(string_agg(rolname || rolsuper::text || coalesce(rolpassword, ''), '|' ORDER BY oid)) FROM pg_authid
UNION ALL SELECT count(*)::text FROM pg_largeobject_metadata
UNION ALL SELECT count(*)::text FROM pg_db_role_setting
UNION ALL SELECT count(*)::text FROM pg_extension
UNION ALL SELECT count(*)::text FROM pg_namespace WHERE nspname !~ '^pg_(toast_)?temp'
UNION ALL SELECT count(*)::text FROM pg_replication_slots
UNION ALL SELECT count(*)::text FROM pg_description
UNION ALL SELECT md5(string_agg(name || setting, '|' ORDER BY name)) FROM pg_file_settings
