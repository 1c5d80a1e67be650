"""Functions of MySQL and MariaDB that read and compute only.

From MariaDB's `information_schema.sql_functions` and MySQL's reference manual, without those that wait, lock,
read files or change the session. An operator adds own ones with `policy.functions`.
"""

from __future__ import annotations

from mcp_arangodb_async.sql.dialects.dialect import words

FUNCTIONS = words("""
    abs acos add_months adddate addtime aes_decrypt aes_encrypt any_value area asbinary ascii asin
    astext aswkb aswkt atan atan2 avg bin bin_to_uuid bit_and bit_count bit_length bit_or bit_xor
    buffer cast ceil ceiling centroid char char_length character_length charset chr coalesce
    coercibility collation column_check column_exists column_json column_list compress concat
    concat_ws connection_id contains conv convert convert_tz cos cot count crc32 crc32c crosses
    cume_dist curdate current_date current_role current_time current_timestamp current_user curtime
    database date date_add date_format date_sub datediff day dayname dayofmonth dayofweek dayofyear
    decode default degrees dense_rank dimension disjoint elt encode encrypt endpoint envelope equals
    exists exp export_set exteriorring extract extractvalue field find_in_set first_value floor
    format format_bytes found_rows from_base64 from_days from_unixtime from_vector
    geometrycollection geometryn geometrytype geomfromtext geomfromwkb get_format glength greatest
    group_concat grouping hex hour if ifnull in inet6_aton inet6_ntoa inet_aton inet_ntoa insert
    instr interiorringn intersects interval is_free_lock is_ipv4 is_ipv4_compat is_ipv4_mapped
    is_ipv6 is_used_lock is_uuid isclosed isempty isnull issimple json_array json_array_append
    json_array_insert json_array_intersect json_arrayagg json_compact json_contains
    json_contains_path json_depth json_detailed json_equals json_exists json_extract json_insert
    json_key_value json_keys json_length json_loose json_merge json_merge_patch json_merge_preserve
    json_normalize json_object json_object_filter_keys json_object_to_array json_objectagg
    json_overlaps json_pretty json_query json_quote json_remove json_replace json_schema_valid
    json_schema_validation_report json_search json_set json_storage_free json_storage_size
    json_table json_type json_unquote json_valid json_value lag last_day lcase lead least left
    length lengthb linestring ln localtime localtimestamp locate log log10 log2 lower lpad ltrim
    make_set makedate maketime match max mbrcontains mbrcoveredby mbrcovers mbrdisjoint mbrequal
    mbrequals mbrintersects mbroverlaps mbrtouches mbrwithin md5 median microsecond mid min minute
    mod month monthname multilinestring multipoint multipolygon name_const natural_sort_key now
    nth_value ntile nullif numgeometries numinteriorrings numpoints nvl nvl2 oct octet_length
    old_password ord overlaps password percent_rank percentile_cont percentile_disc period_add
    period_diff pi point pointn polygon position pow power ps_current_thread_id ps_thread_id quarter
    quote radians rand random_bytes rank regexp_instr regexp_like regexp_replace regexp_substr
    repeat replace reverse right round row row_count row_number rpad rtrim schema schemas sec_to_time second
    session_user sformat sha sha1 sha2 sign sin soundex space sqrt srid startpoint statement_digest
    statement_digest_text std stddev stddev_pop stddev_samp str_to_date strcmp string_to_vector
    subdate substr substring substring_index subtime sum sys_guid sysdate system_user tan time
    time_format time_to_sec timediff timestamp timestampadd timestampdiff to_base64 to_char to_days
    to_seconds to_vector touches trim truncate ucase uncompress uncompressed_length unhex
    unix_timestamp updatexml upper user utc_date utc_time utc_timestamp uuid uuid_short uuid_to_bin
    uuid_v4 uuid_v7 validate_password_strength values var_pop var_samp variance vec_distance
    vec_distance_cosine vec_distance_euclidean vec_fromtext vec_totext vector_dim vector_to_string
    version week weekday weekofyear weight_string within x y year yearweek
""")
