using System.Collections.Immutable;
using PostTrainGate.Cli.GitHub;
using PostTrainGate.Policy;

namespace PostTrainGate.Cli.Base;

/// <summary>
/// What a run is held against: the gates of the base branch and, for gates with <c>drop</c>, its model. Owns the temporary copy of
/// that model.
/// </summary>
internal sealed class Baseline : IDisposable
{
    private const long LargestPolicy = 1 << 20, LargestModel = 1L << 31;

    private string? _temporary;

    private Baseline(GatePolicy policy) => Policy = policy;

    /// <summary>The policy to run.</summary>
    public GatePolicy Policy { get; private set; }

    /// <summary>The base's model; null when no gate needs it or it cannot be had.</summary>
    public string? Model { get; private set; }

    /// <summary>The base's commit; null when there is none.</summary>
    public string? Commit { get; private set; }

    /// <summary>What was preferred, and what could not be had.</summary>
    public ImmutableArray<Diagnostic> Diagnostics { get; private set; } = [];

    /// <summary>
    /// Finds it: <c>--base</c>, or the base of the pull request that Actions runs for; from git, or where the checkout has one commit only,
    /// from GitHub.
    /// </summary>
    /// <exception cref="GateException">What was asked for by name cannot be had.</exception>
    public static async Task<Baseline> FindAsync(GatePolicy policy, CheckOptions options, CliHost host, CancellationToken cancel)
    {
        var baseline = new Baseline(policy);
        try
        {
            if (options.BaseModel is { } given) baseline.Model = File.Exists(given) ? given
                : throw Unavailable($"The base model {given} does not exist.");
            var pullRequest = options.Base is null && options.Format is OutputFormat.GitHub or OutputFormat.Auto
                ? GitHubEvent.PullRequestOf(host) : null;
            if (options.Base is null && pullRequest is null) return baseline;
            var source = await BaseSource.FindAsync(policy.Folder, options.Base, pullRequest, host, cancel);
            if (source is null)
            {
                if (options.Base is not null) throw Unavailable(
                    $"The base {options.Base} is no commit of a git repository that holds the policy.");
                baseline.Add(DiagnosticCodes.BaseUnavailable, Severity.Warning,
                    "The base branch's policy cannot be had from the checkout or from GitHub, so the pull request's own gates applied. "
                    + "Check out with fetch-depth: 2, or allow contents: read.");
                return baseline;
            }

            baseline.Commit = source.Commit;
            try
            {
                await baseline.UseAsync(source, options, cancel);
            }
            catch (GateException unread) when (options.Base is null)
            {
                baseline.Add(DiagnosticCodes.BaseUnavailable, Severity.Warning, $"{unread.Message} The pull request's own gates applied.");
            }

            return baseline;
        }
        catch
        {
            baseline.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_temporary is not null) File.Delete(_temporary);
    }

    private async Task UseAsync(BaseSource source, CheckOptions options, CancellationToken cancel)
    {
        var name = Path.GetFileName(Policy.File);
        if (await source.ReadAsync(name, LargestPolicy, cancel) is not { } text)
        {
            Add(DiagnosticCodes.BaseUnavailable, Severity.Note,
                $"The base branch ({source.Commit[..7]}) has no policy here yet, so the policy's own gates applied.");
            return;
        }

        var (theirs, faults) = PolicyReader.ReadBase(text, Policy.File);
        if (theirs is null)
        {
            Add(DiagnosticCodes.BaseUnavailable, Severity.Warning,
                $"The base branch's policy ({source.Commit[..7]}) cannot be used ({faults.First(f => f.Severity == Severity.Error).Message}), so the policy's own gates applied.");
            return;
        }

        var (policy, remarks) = BaseGates.Apply(Policy, theirs);
        (Policy, Diagnostics) = (policy, [.. Diagnostics, .. remarks]);
        if (options.BaseModel is null && Policy is { Model: not null } && theirs.Model is { } model
            && Policy.Gates.Any(g => g.Drop is not null))
            await UseModelAsync(source, model.Text, cancel);
    }

    private async Task UseModelAsync(BaseSource source, string path, CancellationToken cancel)
    {
        var bytes = await source.ReadAsync(path, LargestModel, cancel);
        if (bytes is not null && LargeFile.Pointer(bytes) is { } hash)
        {
            if (await source.StoredAsync(hash, cancel) is { } stored) Model = stored;
            else bytes = null;
        }

        if (bytes is null)
        {
            Add(DiagnosticCodes.BaseUnavailable, Severity.Warning,
                $"The base branch's model {path} cannot be had, so gates with 'drop' have nothing to compare with. A model in Git LFS has to be fetched: git lfs fetch origin {source.Commit}");
        }
        else if (Model is null)
        {
            _temporary = Path.Combine(Path.GetTempPath(), $"posttraingate-base-{Guid.NewGuid():N}.onnx");
            await File.WriteAllBytesAsync(_temporary, bytes, cancel);
            Model = _temporary;
        }
    }

    private void Add(string code, Severity severity, string message) =>
        Diagnostics = Diagnostics.Add(new(code, message, new SourcePosition(Policy.File, 1, 1), severity));

    private static GateException Unavailable(string message) => new(new Diagnostic(DiagnosticCodes.BaseUnavailable, message));
}
