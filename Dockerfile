# The command line as an image, for the GitHub Action and for machines without .NET. See eng/image.sh, which builds and tries it.

FROM mcr.microsoft.com/dotnet/sdk:10.0 AS build
WORKDIR /source

# What decides the packages comes first, so that a change of code alone restores nothing anew.
COPY global.json Directory.Build.props Directory.Build.targets Directory.Packages.props ./
COPY eng/native eng/native
COPY src/Directory.Build.props src/
COPY src/PostTrainGate/PostTrainGate.csproj src/PostTrainGate/
COPY src/PostTrainGate.Cli/PostTrainGate.Cli.csproj src/PostTrainGate.Cli/
RUN dotnet restore src/PostTrainGate.Cli -r linux-x64

COPY .editorconfig ./
COPY src/PostTrainGate src/PostTrainGate
COPY src/PostTrainGate.Cli src/PostTrainGate.Cli
# Without it the version is that of a source folder without tags.
ARG VERSION
# Files, not links into the package cache: the cache stays behind in this stage.
RUN dotnet publish src/PostTrainGate.Cli -c Release -r linux-x64 --no-self-contained --no-restore -o /app \
      -p:CreateSymbolicLinksForCopyLocalIfPossible=false -p:DebugType=none -p:UseAppHost=false \
      ${VERSION:+-p:Version=$VERSION}

FROM mcr.microsoft.com/dotnet/runtime:10.0

# git reads the base branch's policy and model from the checkout, and fetches and pushes the history's branch.
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates git \
 && rm -rf /var/lib/apt/lists/*
COPY --from=build /app /app
COPY --chmod=755 eng/image-entrypoint.sh /app/entrypoint

# No USER: GitHub mounts a checkout that belongs to the runner's user, whoever that is. The entry point becomes that user.
ENV DOTNET_EnableDiagnostics=0 DOTNET_NOLOGO=1
ENTRYPOINT ["/app/entrypoint"]
CMD ["check"]
