"""The list of a user's relationships as one would write it with Django REST framework and its JSON:API package.

It looks up the token; it counts with `COUNT(*)`, as its paginator does.
"""

import hashlib
import os
from urllib.parse import parse_qs, urlsplit

import django
from django.conf import settings

_url = urlsplit(os.environ["PEER_DATABASE"])
settings.configure(
    SECRET_KEY="of a benchmark",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    # Sets Content-Length, so that connections are persistent.
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "rest_framework", "rest_framework_json_api"],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": _url.path.lstrip("/"),
            "USER": _url.username,
            "HOST": parse_qs(_url.query)["host"][0],
            "CONN_MAX_AGE": None,
        }
    },
    REST_FRAMEWORK={
        "PAGE_SIZE": 20,
        "DEFAULT_AUTHENTICATION_CLASSES": [],
        "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
        "DEFAULT_PAGINATION_CLASS": "rest_framework_json_api.pagination.JsonApiLimitOffsetPagination",
        "DEFAULT_RENDERER_CLASSES": ["rest_framework_json_api.renderers.JSONRenderer"],
        "DEFAULT_PARSER_CLASSES": ["rest_framework_json_api.parsers.JSONParser"],
    },
    JSON_API_FORMAT_FIELD_NAMES="dasherize",
)
django.setup()

from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.db import models  # noqa: E402
from django.urls import include, path  # noqa: E402
from rest_framework import authentication, exceptions, routers  # noqa: E402
from rest_framework_json_api import serializers, views  # noqa: E402


class User(models.Model):
    is_enabled = models.BooleanField()
    is_authenticated = True

    class Meta:
        app_label = "peer"
        db_table = "users"
        managed = False

    class JSONAPIMeta:
        resource_name = "users"


class Token(models.Model):
    digest = models.BinaryField()
    user = models.ForeignKey(User, models.DO_NOTHING, related_name="+")

    class Meta:
        app_label = "peer"
        db_table = "api_tokens"
        managed = False


class TokenAuthentication(authentication.BaseAuthentication):
    def authenticate(self, request):
        token = request.headers.get("Authorization", "").removeprefix("Token token=")
        digest = hashlib.sha256(token.encode()).digest()
        found = Token.objects.select_related("user").filter(digest=digest, user__is_enabled=True).first()
        if found is None:
            raise exceptions.AuthenticationFailed
        return found.user, found


class Kind(models.Model):
    name = models.TextField()

    class Meta:
        app_label = "peer"
        db_table = "relationship_types"
        managed = False


class Relationship(models.Model):
    user = models.ForeignKey(User, models.DO_NOTHING, related_name="+")
    target = models.ForeignKey(User, models.DO_NOTHING, related_name="+")
    type = models.ForeignKey(Kind, models.DO_NOTHING, related_name="+")
    created_at = models.BigIntegerField()
    updated_at = models.BigIntegerField()

    class Meta:
        app_label = "peer"
        db_table = "user_relationships"
        managed = False


class RelationshipSerializer(serializers.ModelSerializer):
    relationship = serializers.CharField(source="type.name")

    class Meta:
        model = Relationship
        resource_name = "user-relationships"
        fields = ["user", "target", "relationship", "created_at", "updated_at"]


class Relationships(views.ReadOnlyModelViewSet):
    authentication_classes = [TokenAuthentication]
    resource_name = "user-relationships"
    serializer_class = RelationshipSerializer

    def get_queryset(self):
        mine = Relationship.objects.filter(user_id=int(self.request.query_params["filter[user]"]))
        return mine.select_related("user", "target", "type").order_by("id")


router = routers.SimpleRouter(trailing_slash=False)
router.register("api/v2/user-relationships", Relationships, basename="user-relationships")
urlpatterns = [path("", include(router.urls))]
application = get_wsgi_application()
