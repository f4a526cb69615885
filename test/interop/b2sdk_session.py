"""Scenarios for b2sdk.test.ts, through Backblaze's own Python library as Debian ships it.

    b2sdk_session.py URL KEY_ID KEY DIRECTORY SCENARIO

Files to upload lie in DIRECTORY/in, downloads go to DIRECTORY/out; what was seen is printed as JSON.
"""
import io
import json
import os
import sys

from b2sdk import v2
from b2sdk.exception import B2Error

url, key_id, key, directory, scenario = sys.argv[1:]


def authorized(key_id=key_id, key=key):
    api = v2.B2Api(v2.InMemoryAccountInfo())
    api.authorize_account(url, key_id, key)
    return api


def source_files():
    root = os.path.join(directory, "in")
    for folder, _, names in os.walk(root):
        for name in names:
            path = os.path.join(folder, name)
            yield os.path.relpath(path, root), path


def save(downloaded, name):
    path = os.path.join(directory, "out", name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    downloaded.save_to(path)


def content_of(downloaded):
    buffer = io.BytesIO()
    downloaded.save(buffer)
    return buffer.getvalue().decode()


def names_of(bucket, **options):
    return [[version.file_name, version.action, version.size] for version, _ in bucket.ls(recursive=True, **options)]


def refused(call):
    """The name of the error that the library makes of the server's answer."""
    try:
        call()
    except B2Error as error:
        return type(error).__name__
    return "allowed"


def copy_in_and_out():
    bucket = authorized().get_bucket_by_name("test-bucket")
    for name, path in source_files():
        bucket.upload_local_file(path, name, file_infos={"note": "a b"})
    for version, _ in list(bucket.ls(recursive=True)):
        save(bucket.download_file_by_name(version.file_name), version.file_name)
    return names_of(bucket)


def versions():
    api = authorized()
    bucket = api.create_bucket("sdk-bucket", "allPrivate", lifecycle_rules=[{"fileNamePrefix": "", "daysFromHidingToDeleting": 1}])
    first = bucket.upload_bytes(b"one", "f")
    bucket.upload_bytes(b"two", "f")
    bucket.hide_file("f")
    seen = {"hidden": names_of(bucket), "all": names_of(bucket, latest_only=False)}
    seen["first"] = api.get_file_info(first.id_).size
    for version, _ in list(bucket.ls(recursive=True, latest_only=False)):
        api.delete_file_version(version.id_, version.file_name)
    seen["gone"] = refused(lambda: api.delete_file_version(first.id_, "f"))
    seen["rules"] = api.get_bucket_by_name("sdk-bucket").lifecycle_rules
    api.delete_bucket(bucket)
    seen["buckets"] = [other.name for other in api.list_buckets()]
    seen["absent"] = refused(lambda: api.get_bucket_by_name("sdk-bucket"))
    seen["duplicate"] = refused(lambda: api.create_bucket("test-bucket", "allPrivate"))
    return seen


def upload():
    bucket = authorized().get_bucket_by_name("test-bucket")
    [(name, path)] = source_files()
    return {"upload": refused(lambda: bucket.upload_local_file(path, name)), "names": names_of(bucket)}


interrupted = upload


def unfinished_files():
    api = authorized()
    bucket = api.get_bucket_by_name("test-bucket")
    for name in ("b", "a", "c"):
        api.services.large_file.start_large_file(bucket.id_, name, "application/octet-stream", {})
    seen = {"listed": [file.file_name for file in bucket.list_unfinished_large_files()]}
    for file in list(bucket.list_unfinished_large_files(prefix="a")):
        seen["parts"] = len(list(bucket.list_parts(file.file_id)))
        bucket.cancel_large_file(file.file_id)
    seen["left"] = [file.file_name for file in bucket.list_unfinished_large_files()]
    return seen


def restricted():
    api = authorized()
    bucket = api.get_bucket_by_name("test-bucket")
    bucket.upload_bytes(b"inside", "host/f")
    outside = bucket.upload_bytes(b"outside", "other/f")
    made = api.create_key(["listBuckets", "listFiles", "readFiles", "writeFiles"], "narrow", bucket_id=bucket.id_, name_prefix="host/")
    narrow = authorized(made.id_, made.application_key)
    own = narrow.get_bucket_by_name("test-bucket")
    inside = own.upload_bytes(b"more", "host/g")
    seen = {
        "key": narrow.account_info.get_allowed()["namePrefix"],
        "names": [version.file_name for version, _ in own.ls("host/", recursive=True)],
        "other bucket": refused(lambda: narrow.get_bucket_by_name("other-bucket")),
        "outside name": refused(lambda: own.upload_bytes(b"x", "other/g")),
        "outside file": refused(lambda: narrow.get_file_info(outside.id_)),
        "delete": refused(lambda: narrow.delete_file_version(inside.id_, "host/g")),
        "wrong key": refused(lambda: authorized(made.id_, "wrong")),
    }
    api.delete_key(made)
    seen["deleted key"] = refused(lambda: authorized(made.id_, made.application_key))
    return seen


def object_lock():
    api = authorized()
    bucket = api.create_bucket("lock-bucket", "allPrivate", is_file_lock_enabled=True)
    until = 4_000_000_000_000
    retention = v2.FileRetentionSetting(v2.RetentionMode.GOVERNANCE, until)
    version = bucket.upload_bytes(b"locked", "f", file_retention=retention, legal_hold=v2.LegalHold.ON)
    info = api.get_file_info(version.id_)
    seen = {
        "mode": info.file_retention.mode.value,
        "until": info.file_retention.retain_until,
        "hold": info.legal_hold.value,
        "held": refused(lambda: api.delete_file_version(version.id_, "f")),
    }
    api.update_file_legal_hold(version.id_, "f", v2.LegalHold.OFF)
    seen["retained"] = refused(lambda: api.delete_file_version(version.id_, "f"))
    api.update_file_retention(version.id_, "f", v2.FileRetentionSetting(v2.RetentionMode.NONE), bypass_governance=True)
    seen["freed"] = refused(lambda: api.delete_file_version(version.id_, "f"))
    return seen


def server_side_copy():
    api = authorized()
    bucket = api.get_bucket_by_name("test-bucket")
    [(name, path)] = source_files()
    large = bucket.upload_local_file(path, name)
    bucket.copy(large.id_, "whole")
    bucket.copy(large.id_, "piece", offset=5, length=100)
    bucket.copy(large.id_, "in-parts", offset=0, length=os.path.getsize(path), min_part_size=5_000_000, max_part_size=6_000_000)
    secret = v2.EncryptionSetting(v2.EncryptionMode.SSE_C, v2.EncryptionAlgorithm.AES256, v2.EncryptionKey(secret=b"k" * 32, key_id=None))
    sealed = bucket.upload_bytes(b"sealed", "sealed", encryption=secret)
    seen = {"with key": content_of(bucket.download_file_by_name("sealed", encryption=secret))}
    seen["without key"] = refused(lambda: api.download_file_by_id(sealed.id_))
    return seen


print(json.dumps(globals()[scenario]()))
