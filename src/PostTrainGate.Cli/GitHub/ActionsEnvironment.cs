using System.Globalization;

namespace PostTrainGate.Cli.GitHub;

/// <summary>What GitHub Actions tells a step through the environment.</summary>
internal sealed class ActionsEnvironment(CliHost host)
{
    /// <summary>Whether this is a step of GitHub Actions.</summary>
    public bool IsActions => host.Variable("GITHUB_ACTIONS") == "true";

    /// <summary>Root of the checkout.</summary>
    public string Workspace => host.Variable("GITHUB_WORKSPACE") ?? Directory.GetCurrentDirectory();

    /// <summary>Root of the checkout, where it is given.</summary>
    public string? GivenWorkspace => host.Variable("GITHUB_WORKSPACE");

    /// <summary>Commit that the run is for.</summary>
    public string? Sha => host.Variable("GITHUB_SHA");

    /// <summary>Branch, tag or merge that the run is for, as git names it in full.</summary>
    public string? Reference => host.Variable("GITHUB_REF");

    /// <summary>Its short name.</summary>
    public string? ReferenceName => host.Variable("GITHUB_REF_NAME");

    /// <summary>Name of the event that started the run.</summary>
    public string? EventName => host.Variable("GITHUB_EVENT_NAME");

    /// <summary>File with the event.</summary>
    public string? EventPath => host.Variable("GITHUB_EVENT_PATH");

    /// <summary>File that the job summary is added to.</summary>
    public string? SummaryFile => host.Variable("GITHUB_STEP_SUMMARY");

    /// <summary>File that the step's outputs are added to.</summary>
    public string? OutputFile => host.Variable("GITHUB_OUTPUT");

    /// <summary>Owner and name of the repository; null when the variable is missing or malformed.</summary>
    public (string Owner, string Name)? Repository =>
        host.Variable("GITHUB_REPOSITORY")?.Split('/') is [{ Length: > 0 } owner, { Length: > 0 } name]
            ? (owner, name)
            : null;

    /// <summary>The token, from the environment or the action's input.</summary>
    public string? Token => host.Variable("GITHUB_TOKEN") ?? host.Variable("INPUT_TOKEN");

    /// <summary>The action's input that tells legs of a matrix apart; empty where it is not given.</summary>
    public string Id => host.Variable("INPUT_ID")?.Trim() ?? "";

    /// <summary>Address of the REST interface, with a slash at its end; GitHub Enterprise Server has its own.</summary>
    public Uri Api => Address("GITHUB_API_URL") ?? new("https://api.github.com/");

    /// <summary>Address of the GraphQL interface.</summary>
    public Uri GraphQL =>
        Address("GITHUB_GRAPHQL_URL") is { } given ? new(given.AbsoluteUri.TrimEnd('/')) : new(Api, "graphql");

    /// <summary>
    /// Number of the run, rising over all workflows of GitHub, and of its attempt: the later of two runs has the higher
    /// pair.
    /// </summary>
    public (long Run, int Attempt) Run => (Number("GITHUB_RUN_ID"), (int)Number("GITHUB_RUN_ATTEMPT"));

    /// <summary>Page of the repository, which git clones from too; null outside Actions.</summary>
    public string? RepositoryPage =>
        host.Variable("GITHUB_SERVER_URL") is { } server && Repository is var (owner, name)
            ? $"{server}/{owner}/{name}"
            : null;

    /// <summary>Page of the run; null outside Actions.</summary>
    public string? RunPage =>
        RepositoryPage is { } page && Run.Run > 0
            ? $"{page}/actions/runs/{Run.Run.ToString(CultureInfo.InvariantCulture)}"
            : null;

    /// <summary>
    /// A path as GitHub knows it: relative to the checkout, with <c>/</c>; a path outside stays absolute.
    /// </summary>
    public string Relative(string path)
    {
        var relative = Path.GetRelativePath(Workspace, Path.GetFullPath(path)).Replace('\\', '/');
        return relative.StartsWith("../", StringComparison.Ordinal) ? Path.GetFullPath(path) : relative;
    }

    private Uri? Address(string variable) =>
        Uri.TryCreate(host.Variable(variable)?.TrimEnd('/') + "/", UriKind.Absolute, out var address)
        && address.Scheme is "http" or "https"
            ? address
            : null;

    private long Number(string variable) =>
        long.TryParse(host.Variable(variable), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : 0;
}
