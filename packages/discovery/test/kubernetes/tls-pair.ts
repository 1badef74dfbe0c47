// A key and its self-signed certificate for servers of tests on loopback. It protects nothing, so it is no secret.

export const key: string = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgzu6msgAVyiktRBVf
jYGyGf8ZLPziKlzJfboQlj9MhvGhRANCAASSx29Rr36p0jHLkIGprCMESiLm/73f
4q+iRI8K8a1gBsuWAwGirKLwY+GAlMzBzwKFH1fJHxl8sLHj+eA7UmYz
-----END PRIVATE KEY-----
`

export const cert: string = `-----BEGIN CERTIFICATE-----
MIIBmzCCAUGgAwIBAgIUI8iXgg4XrvLNStd+h8o9MLwNiV0wCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyNDE4MTMxOVoYDzIxMjYxMDMx
MTgxMzE5WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAASSx29Rr36p0jHLkIGprCMESiLm/73f4q+iRI8K8a1gBsuWAwGirKLw
Y+GAlMzBzwKFH1fJHxl8sLHj+eA7UmYzo28wbTAdBgNVHQ4EFgQUb4HY/hdIM0Uc
d2uFuGZOMsfwp5owHwYDVR0jBBgwFoAUb4HY/hdIM0Ucd2uFuGZOMsfwp5owDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
zj0EAwIDSAAwRQIgbB0b4bO9/e/4zm+zrjO84d2iWTbdPr4owP6lk/HWwZsCIQCX
ZYZIlwTffR2I2E4Yqgg6w2Z2q3jrk5IslrLFA6lT4g==
-----END CERTIFICATE-----
`
