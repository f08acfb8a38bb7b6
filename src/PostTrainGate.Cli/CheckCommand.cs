using System.Collections.Immutable;
using PostTrainGate.Cli.Base;
using PostTrainGate.Cli.GitHub;
using PostTrainGate.Cli.History;
using PostTrainGate.Cli.Output;
using PostTrainGate.Cli.Shards;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.Reading;
using PostTrainGate.Reporting;

namespace PostTrainGate.Cli;

/// <summary><c>posttraingate check</c>: reads the policy, runs the gate, reports.</summary>
internal sealed class CheckCommand(CliHost host)
{
    /// <summary>How to see where a defect is.</summary>
    public const string TraceHint = "; --verbosity detailed prints the stack trace";

    /// <summary>Runs; every failure ends as diagnostics and an exit code.</summary>
    public async Task<int> RunAsync(CheckOptions options, CancellationToken cancel)
    {
        var output = Output(options);
        var cache =
            !options.NoCache && (options.Cache ?? host.CacheFolder) is { Length: > 0 } folder
                ? new RunCache(folder)
                : null;
        try
        {
            return await RunAsync(options, output, cache, cancel);
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            await host.Error.WriteLineAsync($"posttraingate: canceled; no file was changed.{Kept(cache)}");
            return ExitCodes.Canceled;
        }
        catch (GateException wrong)
        {
            await output.ShowFailureAsync([.. wrong.Diagnostics], cancel);
            return ExitCodes.BadInput;
        }
        catch (BaseUnreadableException unread)
        {
            await output.ShowFailureAsync([unread.Diagnostic(options.PolicyFile)], cancel);
            return ExitCodes.NoVerdict;
        }
        catch (Exception defect)
        {
            await output.ShowFailureAsync([Failures.Internal(defect, TraceHint)], cancel);
            if (options.Verbosity == Verbosity.Detailed)
                await host.Error.WriteLineAsync(defect.ToString());
            return ExitCodes.Internal;
        }
    }

    private async Task<int> RunAsync(
        CheckOptions options,
        ICheckOutput output,
        RunCache? cache,
        CancellationToken cancel
    )
    {
        var shard = Shard(options);
        NoPolicy.Refuse(options.PolicyFile);
        var (policy, diagnostics) = PolicyReader.Read(options.PolicyFile);
        if (options.InputsFile is { } list)
            InputsFile.Write(list, options.PolicyFile, policy, options);
        if (policy is null)
        {
            await output.ShowFailureAsync(diagnostics, cancel);
            return ExitCodes.BadInput;
        }

        using var baseline = await Baseline.FindAsync(policy, options, host, cancel);
        var gated = AtMost(options.Severity, baseline.Policy);
        gated = gated with { Device = options.Device ?? gated.Device };
        OutputFiles.Require(gated, options.Repair && shard is null, reports: shard is null);
        var gate = new GateOptions
        {
            Repair = options.Repair && shard is null,
            BaseModel = baseline.Model,
            Full = options.Full,
            Cache = shard is null ? cache : null,
            Shard = shard,
            Parts = options.Parts,
        };
        GateResult result;
        try
        {
            result = await output.WatchAsync(progress => Task.Run(() => Run(gated, gate, progress, cancel), cancel));
        }
        catch (GateException wrong) when (!baseline.Diagnostics.IsEmpty)
        {
            throw baseline.Explain(wrong);
        }

        cancel.ThrowIfCancellationRequested();
        if (shard is not null)
            return await ShowShardAsync(result, [.. diagnostics, .. baseline.Diagnostics], output, cancel);
        var pullRequest = GitHubEvent.PullRequestOf(host);
        result = result with
        {
            Diagnostics = [.. diagnostics, .. baseline.Diagnostics, .. result.Diagnostics],
            Reproduce = Reproduce(policy, options, baseline),
            Base = result.Base is { } compared ? compared with { Commit = baseline.ModelCommit } : null,
            Commit = pullRequest?.HeadSha ?? new ActionsEnvironment(host).Sha,
            PullRequest = pullRequest?.Number,
            Root = Checkout.RootOf(policy.File, host.Variable("GITHUB_WORKSPACE")),
        };
        result = await new RunHistory(host, options).AddAsync(result, policy, cancel);
        var (files, unwritten) = ReportFolder.Write(policy, result);
        await output.ShowAsync(
            result with
            {
                Diagnostics = [.. result.Diagnostics, .. unwritten],
            },
            policy,
            files,
            cancel
        );
        if (options.Verbosity == Verbosity.Detailed && result.Trace is { } trace)
            await host.Error.WriteLineAsync(trace);
        return result.ExitCode;
    }

    private ShardOrder? Shard(CheckOptions options)
    {
        if ((options.Shard is null) != (options.Part is null))
            throw ShardNumber.Refused(
                options.Shard is null
                    ? "'--part' is the file of a shard; give '--shard K/N' too."
                    : "A shard writes a part; give '--part FILE' too."
            );
        if (options is not { Shard: { } text, Part: { } part })
            return null;
        var (number, of) = ShardNumber.Read(text, host.Variable);
        var isFolder = part.EndsWith('/') || part.EndsWith(Path.DirectorySeparatorChar) || Directory.Exists(part);
        return new(number, of, isFolder ? Path.Combine(part, $"part-{number}-of-{of}.json") : part);
    }

    // A shard has no verdict: what it has to say is where its part is, or why there is none.
    private async Task<int> ShowShardAsync(
        GateResult result,
        ImmutableArray<Diagnostic> before,
        ICheckOutput output,
        CancellationToken cancel
    )
    {
        if (result.Outcome == RunOutcome.Passed)
        {
            foreach (var diagnostic in (ImmutableArray<Diagnostic>)[.. before, .. result.Diagnostics])
                await host.Error.WriteLineAsync(diagnostic.ToString());
            return 0;
        }

        await output.ShowFailureAsync([.. before, .. result.Diagnostics], cancel);
        return ExitCodes.NoVerdict;
    }

    private static GatePolicy AtMost(Severity severity, GatePolicy policy) =>
        policy with
        {
            Gates = [.. policy.Gates.Select(g => g with { Severity = g.Severity < severity ? g.Severity : severity })],
        };

    // What the engine finds wrong with a file stands where the policy names the file.
    private GateResult Run(
        GatePolicy policy,
        GateOptions gate,
        IProgress<RunProgress> progress,
        CancellationToken cancel
    )
    {
        try
        {
            return host.Run(policy, gate, progress, cancel);
        }
        catch (GateException wrong) when (wrong.Diagnostics.Any(d => d.Position is null))
        {
            throw new GateException([
                .. wrong.Diagnostics.Select(d => d.Position is null ? d with { Position = Place(policy, d.Code) } : d),
            ]);
        }
    }

    private static string Kept(RunCache? cache) =>
        cache is not { Kept: > 0 }
            ? ""
            : $" The finished work is kept in {cache.Folder}; run the same command to continue.";

    private static SourcePosition? Place(GatePolicy policy, string code) =>
        code[..4] switch
        {
            _ when code == DiagnosticCodes.ModelDevice && policy.Root is { } root => root.At(PolicyShape.Device),
            "PTG2" => policy.Model?.Position,
            "PTG3" => policy.Data.Source.Position,
            _ => null,
        };

    private ICheckOutput Output(CheckOptions options)
    {
        var actions = host.Variable("GITHUB_ACTIONS") == "true";
        return options.Format switch
        {
            OutputFormat.MSBuild => new MSBuildOutput(host, options.Verbosity),
            OutputFormat.GitHub => new GitHubOutput(host, options),
            OutputFormat.Json => new JsonOutput(host, options.Verbosity),
            OutputFormat.Auto when actions => new GitHubOutput(host, options),
            _ => new ConsoleOutput(host, options.Verbosity),
        };
    }

    private static string Reproduce(GatePolicy policy, CheckOptions options, Baseline baseline)
    {
        List<string> words = ["posttraingate", "check", policy.File];
        if (!options.Repair)
            words.Add("--no-repair");
        if (options.Full)
            words.Add("--full");
        if (options.Device is { } device)
            words.AddRange(["--device", $"{device}".ToLowerInvariant()]);
        if (baseline.Commit is { } commit)
            words.AddRange(["--base", commit]);
        if (options.BaseModel is { } model)
            words.AddRange(["--base-model", model]);
        return string.Join(' ', words.Select(Quote));

        static string Quote(string word) =>
            word.All(c => char.IsAsciiLetterOrDigit(c) || "-_./:=+,@".Contains(c, StringComparison.Ordinal))
                ? word
                : $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'";
    }
}
