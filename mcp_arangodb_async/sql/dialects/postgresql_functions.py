"""PostgreSQL's functions that read and compute only.

The names whose every variant is immutable or stable in `pg_proc` and which neither read files nor run a
statement given as text; the volatile ones that only tell (random, clock_timestamp, sizes); those of the
extensions that come with PostgreSQL. An operator adds own ones with `policy.functions`.
"""

from __future__ import annotations

from mcp_arangodb_async.sql.dialects.dialect import words

BUILT_IN = words("""
    abbrev abs acldefault acos acosd acosh age any_value anyarray area array_agg array_append
    array_cat array_dims array_fill array_larger array_length array_lower array_ndims array_position
    array_positions array_prepend array_remove array_replace array_reverse array_sample
    array_shuffle array_sort array_to_json array_to_string array_to_tsvector array_upper
    arraycontained arraycontains arrayoverlap ascii asin asind asinh atan atan2 atan2d atand atanh
    avg bit bit_and bit_count bit_length bit_or bit_xor bool bool_and bool_or box bpchar broadcast
    btrim bytea cardinality casefold cash_words cbrt ceil ceiling center char char_length
    character_length chr cidr circle clock_timestamp coalesce col_description concat concat_ws
    convert convert_from convert_to corr cos cosd cosh cot cotd count covar_pop covar_samp crc32
    crc32c cume_dist current_catalog current_database current_date current_query current_role
    current_schema current_schemas current_setting current_time current_timestamp current_user
    currval date date_add date_bin date_larger date_part date_smaller date_subtract date_trunc
    datemultirange daterange decode degrees dense_rank diagonal diameter div encode enum_first
    enum_last enum_range enum_send erf erfc every exp extract factorial family first_value float4
    float8 floor format format_type gamma gcd gen_random_uuid generate_series generate_subscripts
    get_bit get_byte get_current_ts_config getdatabaseencoding greatest grouping
    has_any_column_privilege has_column_privilege has_database_privilege
    has_foreign_data_wrapper_privilege has_function_privilege has_language_privilege
    has_parameter_privilege has_schema_privilege has_sequence_privilege has_server_privilege
    has_table_privilege has_tablespace_privilege has_type_privilege hash_array hash_multirange
    hash_numeric hash_range hash_record hashbpchar hashchar hashenum hashfloat4 hashfloat8 hashint4
    hashint8 hashname hashoid hashtext hashtextextended hashtid height host hostmask inet
    inet_client_addr inet_client_port inet_merge inet_same_family inet_server_addr inet_server_port
    initcap int2 int4 int4multirange int4pl int4range int8 int8multirange int8pl int8range interval
    interval_hash is_normalized isclosed isempty isfinite ishorizontal isopen isparallel isperp
    isvertical json json_agg json_agg_strict json_array json_array_elements json_array_elements_text
    json_array_length json_arrayagg json_build_array json_build_object json_each json_each_text
    json_exists json_extract_path json_extract_path_text json_object json_object_agg
    json_object_agg_strict json_object_agg_unique json_object_agg_unique_strict json_object_keys
    json_objectagg json_populate_record json_populate_recordset json_query json_scalar
    json_serialize json_strip_nulls json_table json_to_record json_to_recordset json_to_tsvector
    json_typeof json_value jsonb jsonb_agg jsonb_agg_strict jsonb_array_elements
    jsonb_array_elements_text jsonb_array_length jsonb_build_array jsonb_build_object jsonb_concat
    jsonb_contained jsonb_contains jsonb_delete jsonb_delete_path jsonb_each jsonb_each_text
    jsonb_exists jsonb_exists_all jsonb_exists_any jsonb_extract_path jsonb_extract_path_text
    jsonb_hash jsonb_insert jsonb_object jsonb_object_agg jsonb_object_agg_strict
    jsonb_object_agg_unique jsonb_object_agg_unique_strict jsonb_object_keys jsonb_path_exists
    jsonb_path_exists_tz jsonb_path_match jsonb_path_match_tz jsonb_path_query
    jsonb_path_query_array jsonb_path_query_array_tz jsonb_path_query_first
    jsonb_path_query_first_tz jsonb_path_query_tz jsonb_populate_record jsonb_populate_recordset
    jsonb_pretty jsonb_set jsonb_set_lax jsonb_strip_nulls jsonb_to_record jsonb_to_recordset
    jsonb_to_tsvector jsonb_typeof justify_days justify_hours justify_interval lag last_value
    lastval lcm lead least left length lgamma like line ln localtime localtimestamp log log10 lower
    lower_inc lower_inf lpad lseg ltrim macaddr macaddr8 macaddr8_set7bit make_date make_interval
    make_time make_timestamp make_timestamptz masklen max md5 min min_scale mod mode money
    multirange name netmask network normalize notlike now npoints nth_value ntile nullif
    num_nonnulls num_nulls numeric numeric_abs numeric_add numeric_div numeric_div_trunc numeric_mul
    numeric_sub nummultirange numnode numrange obj_description octet_length oid oidvectortypes
    overlaps overlay parse_ident path pclose percent_rank percentile_cont percentile_disc
    pg_available_extension_versions pg_available_extensions pg_backend_pid pg_blocking_pids
    pg_client_encoding pg_collation_for pg_collation_is_visible pg_column_compression
    pg_column_is_updatable pg_column_size pg_conf_load_time pg_current_snapshot pg_current_wal_lsn
    pg_current_xact_id_if_assigned pg_database_size pg_describe_object pg_encoding_to_char
    pg_extension_update_paths pg_function_is_visible pg_get_constraintdef pg_get_expr
    pg_get_function_arg_default pg_get_function_arguments pg_get_function_identity_arguments
    pg_get_function_result pg_get_function_sqlbody pg_get_functiondef pg_get_indexdef
    pg_get_keywords pg_get_object_address pg_get_partition_constraintdef pg_get_partkeydef
    pg_get_replica_identity_index pg_get_ruledef pg_get_serial_sequence pg_get_statisticsobjdef
    pg_get_statisticsobjdef_columns pg_get_triggerdef pg_get_userbyid pg_get_viewdef pg_has_role
    pg_identify_object pg_identify_object_as_address pg_index_column_has_property
    pg_index_has_property pg_indexam_has_property pg_indexes_size pg_input_error_info
    pg_input_is_valid pg_is_in_recovery pg_last_wal_receive_lsn pg_last_wal_replay_lsn
    pg_last_xact_replay_timestamp pg_lock_status pg_lsn pg_opclass_is_visible pg_operator_is_visible
    pg_options_to_table pg_partition_ancestors pg_partition_root pg_partition_tree
    pg_postmaster_start_time pg_relation_filenode pg_relation_is_updatable pg_relation_size
    pg_sequence_parameters pg_settings_get_flags pg_size_bytes pg_size_pretty pg_snapshot_xip
    pg_snapshot_xmax pg_snapshot_xmin pg_table_is_visible pg_table_size pg_tablespace_size
    pg_timezone_abbrevs pg_timezone_names pg_total_relation_size pg_trigger_depth pg_type_is_visible
    pg_typeof pg_visible_in_snapshot pg_wal_lsn_diff pg_xact_commit_timestamp phraseto_tsquery pi
    plainto_tsquery point polygon popen position pow power quote_ident quote_literal quote_nullable
    radians radius random random_normal range_adjacent range_after range_agg range_before
    range_contained_by range_contains range_intersect range_intersect_agg range_merge range_minus
    range_overlaps range_union rank regclass regcollation regconfig regdictionary regexp_count
    regexp_instr regexp_like regexp_match regexp_matches regexp_replace regexp_split_to_array
    regexp_split_to_table regexp_substr regnamespace regoper regoperator regproc regprocedure
    regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy
    regrole regtype repeat replace reverse right round row_number row_security_active row_to_json
    rpad rtrim scale session_user set_bit set_byte set_masklen setweight sha224 sha256 sha384 sha512
    shobj_description sign sin sind sinh slope split_part sqrt starts_with statement_timestamp
    stddev stddev_pop stddev_samp string_agg string_to_array string_to_table strip strpos substr
    substring sum tan tand tanh text textcat texteq textlike textnlike time time_hash timeofday
    timestamp timestamp_hash timestamptz timetz timezone to_ascii to_bin to_char to_date to_hex
    to_json to_jsonb to_number to_oct to_regclass to_regcollation to_regnamespace to_regoper
    to_regoperator to_regproc to_regprocedure to_regrole to_regtype to_timestamp to_tsquery
    to_tsvector transaction_timestamp translate treat trim trim_array trim_scale trunc ts_debug
    ts_delete ts_filter ts_headline ts_lexize ts_parse ts_rank ts_rank_cd ts_token_type tsmultirange
    tsquery tsquery_phrase tsrange tstzmultirange tstzrange tsvector tsvector_to_array
    txid_current_if_assigned txid_current_snapshot txid_snapshot_xip txid_snapshot_xmax
    txid_snapshot_xmin txid_status txid_visible_in_snapshot unicode_assigned unicode_version unistr
    unnest upper upper_inc upper_inf uuid uuid_extract_timestamp uuid_extract_version uuid_hash
    uuidv4 uuidv7 var_pop var_samp varbit varchar variance version websearch_to_tsquery width
    width_bucket xid xml xml_is_well_formed xml_is_well_formed_content xml_is_well_formed_document
    xmlagg xmlattributes xmlcomment xmlconcat xmlelement xmlexists xmlforest xmlnamespaces xmlparse
    xmlpi xmlroot xmlserialize xmltable xmltext xmlvalidate xpath xpath_exists
""")

# pg_trgm, fuzzystrmatch, unaccent, uuid-ossp, pgcrypto, hstore, cube, earthdistance, intarray, ltree,
# tablefunc.
OF_EXTENSIONS = words("""
    akeys armor avals crypt cube cube_dim cube_distance cube_enlarge cube_inter cube_ll_coord
    cube_subset cube_union cube_ur_coord dearmor decrypt decrypt_iv defined delete difference digest
    dmetaphone dmetaphone_alt each earth earth_box earth_distance encrypt encrypt_iv exist gc_to_sec
    gen_random_bytes gen_salt hmac hstore hstore_to_array hstore_to_json hstore_to_jsonb
    hstore_to_matrix icount idx index intset latitude lca levenshtein levenshtein_less_equal
    ll_to_earth longitude ltree2text metaphone nlevel normal_rand pgp_pub_decrypt pgp_sym_decrypt
    pgp_sym_encrypt populate_record sec_to_gc show_trgm similarity skeys slice sort sort_asc
    sort_desc soundex strict_word_similarity subarray subltree subpath svals text2ltree unaccent
    uniq uuid_generate_v1 uuid_generate_v1mc uuid_generate_v3 uuid_generate_v4 uuid_generate_v5
    uuid_nil uuid_ns_dns uuid_ns_oid uuid_ns_url uuid_ns_x500 word_similarity
""")

FUNCTIONS = BUILT_IN | OF_EXTENSIONS
