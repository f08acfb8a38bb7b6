using System.Collections.Immutable;
using PostTrainGate.Cli.GitHub;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.Reading;

namespace PostTrainGate.Cli.Base;

/// <summary>
/// What a run is held against: the policy of the base, and its model. Owns the temporary
/// copy of that model.
/// </summary>
internal sealed class Baseline : IDisposable
{
    private const long LargestModel = 1L << 31;

    private string? _temporary;
    private ImmutableArray<Diagnostic> _meaning = [];

    private Baseline(GatePolicy policy) => Policy = policy;

    /// <summary>The policy to run.</summary>
    public GatePolicy Policy { get; private set; }

    /// <summary>The base's model; null when it cannot be had.</summary>
    public string? Model { get; private set; }

    /// <summary>The base's commit; null when there is none.</summary>
    public string? Commit { get; private set; }

    /// <summary>The commit that <see cref="Model"/> is from; null where it was given as a file.</summary>
    public string? ModelCommit { get; private set; }

    /// <summary>What was preferred, and what could not be had.</summary>
    public ImmutableArray<Diagnostic> Diagnostics { get; private set; } = [];

    /// <summary>
    /// Finds it: <c>--base</c>, or the base of the event that Actions runs for; from git, or where the checkout has one
    /// commit only, from GitHub.
    /// </summary>
    /// <exception cref="BaseUnreadableException">There may be a policy on the base, and it cannot be read.</exception>
    /// <exception cref="GateException">
    /// What was asked for by name cannot be had, or cannot be used with the files that are here.
    /// </exception>
    public static async Task<Baseline> FindAsync(
        GatePolicy policy,
        CheckOptions options,
        CliHost host,
        CancellationToken cancel
    )
    {
        var baseline = new Baseline(policy);
        try
        {
            if (options.BaseModel is { } given)
                baseline.Model = File.Exists(given)
                    ? given
                    : throw new GateException(
                        new Diagnostic(DiagnosticCodes.BaseUnavailable, $"The base model {given} does not exist.")
                    );
            if (Wanted(options, host) is not { } wanted)
                return baseline;
            var checkouts = Checkout.Around(options.Path, policy.File, new ActionsEnvironment(host).GivenWorkspace);
            var sources = await BaseSource.FindAsync(wanted, checkouts, host, cancel);
            await baseline.UseAsync(sources, options, cancel);
            return baseline;
        }
        catch
        {
            baseline.Dispose();
            throw;
        }
    }

    /// <summary>
    /// What is wrong with a run that the base's policy cannot be used for: where the change has another value, that may
    /// be why, and a maintainer changes it in the base.
    /// </summary>
    public GateException Explain(GateException wrong) =>
        new([
            .. wrong.Diagnostics,
            .. Diagnostics.Select(d => _meaning.Contains(d) ? d with { Severity = Severity.Error } : d),
        ]);

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_temporary is not null)
            File.Delete(_temporary);
    }

    // A build says itself what it is held against: its checkout in Actions often has one commit, and no token.
    private static BaseCommit? Wanted(CheckOptions options, CliHost host) =>
        options.Base switch
        {
            null => options.Format == OutputFormat.MSBuild ? null : GitHubEvent.FindBase(host),
            CheckOptions.EventBase when new ActionsEnvironment(host).IsActions => GitHubEvent.FindBase(host),
            var name => new BaseCommit.Reference(name),
        };

    private async Task UseAsync(ImmutableArray<BaseSource> sources, CheckOptions options, CancellationToken cancel)
    {
        if (await BasePolicy.FindAsync(sources, Policy.File, cancel) is not { } found)
        {
            Commit = sources[0].Commit;
            Add(
                DiagnosticCodes.BaseUnavailable,
                Severity.Note,
                $"The base branch ({Commit[..7]}) has no policy at this path yet, so the gates of this policy apply."
            );
            return;
        }

        Commit = found.Source.Commit;
        var (theirs, faults) = PolicyReader.ReadBase(found.Text, Policy.File);
        if (theirs is null)
        {
            var fault = faults.First(f => f.Severity == Severity.Error);
            throw new BaseUnreadableException(
                $"'{found.Path}' at commit {Commit[..7]} is not a valid policy (line {fault.Position?.Line}): "
                    + $"{fault.Message} A maintainer has to fix it in the base branch."
            );
        }

        if (found.Moved)
            Add(
                DiagnosticCodes.PolicyChanged,
                Severity.Warning,
                $"The policy is '{found.Path}' in the base branch; that one applies."
            );
        var (policy, remarks, meaning) = BaseGates.Apply(Policy, theirs);
        (Policy, Diagnostics, _meaning) = (policy, [.. Diagnostics, .. remarks], meaning);
        if (remarks.Any(r => r.Severity == Severity.Error))
            throw new GateException([.. Diagnostics]);
        if (options.BaseModel is null && Policy is { Model: not null } && theirs.Model is { } model)
            await UseModelAsync(found, model.Text, cancel);
    }

    private async Task UseModelAsync(BasePolicy found, string path, CancellationToken cancel)
    {
        var source = found.Source;
        byte[]? bytes = null;
        var why = "";
        try
        {
            if (BaseSource.Join($"{found.Path}/..", path) is { } full)
                bytes = await source.ReadAsync(full, LargestModel, cancel);
        }
        catch (BaseUnreadableException unread)
        {
            why = $" {unread.Message}";
        }

        if (bytes is not null && LargeFile.Pointer(bytes) is { } hash)
        {
            if (await source.StoredAsync(hash, cancel) is { } stored)
                (Model, ModelCommit) = (stored, source.Commit);
            else
                bytes = null;
        }

        if (bytes is null)
        {
            Without(
                $"The base branch's model {path} cannot be read",
                $"{why} If it is in Git LFS, fetch it: git lfs fetch origin {source.Commit}"
            );
        }
        else if (Model is null)
        {
            await KeepAsync(bytes, cancel);
            ModelCommit = source.Commit;
        }
    }

    private async Task KeepAsync(byte[] bytes, CancellationToken cancel)
    {
        _temporary = Path.Combine(Path.GetTempPath(), $"posttraingate-base-{Guid.NewGuid():N}.onnx");
        try
        {
            await File.WriteAllBytesAsync(_temporary, bytes, cancel);
            Model = _temporary;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Without("The base branch's model cannot be saved", $" {e.Message}");
        }
    }

    // A gate may rest on it; to other readers, only the comparison is missing.
    private void Without(string what, string why)
    {
        var isNeeded = Policy.Gates.Any(g => g.Drop is not null);
        var missing = isNeeded ? "gates with 'drop' have nothing to compare with" : "nothing is compared with it";
        Add(
            DiagnosticCodes.BaseUnavailable,
            isNeeded ? Severity.Warning : Severity.Note,
            $"{what}, so {missing}.{why}"
        );
    }

    private void Add(string code, Severity severity, string message) =>
        Diagnostics = Diagnostics.Add(new(code, message, new SourcePosition(Policy.File, 1, 1), severity));
}
