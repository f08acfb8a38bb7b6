using System.CommandLine;
using System.CommandLine.Parsing;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.Reading;

namespace PostTrainGate.Cli;

/// <summary>The commands and options of <c>posttraingate</c>.</summary>
internal static class CommandLine
{
    /// <summary>Parses and runs; returns the exit code and throws nothing.</summary>
    public static async Task<int> RunAsync(IReadOnlyList<string> args, CliHost host, CancellationToken cancel = default)
    {
        var parsed = Root(host).Parse(args.Count == 0 ? ["--help"] : args);
        var completes = args is [['[', ..], ..]; // a shell asks what could follow, which may be wrong so far
        if (parsed.Errors.Count > 0 && !completes)
        {
            foreach (var error in parsed.Errors)
                await host.Error.WriteLineAsync(new Diagnostic(DiagnosticCodes.Usage, Message(error)).ToString());
            await host.Error.WriteLineAsync("See posttraingate --help.");
            return ExitCodes.BadInput;
        }

        var invocation = new InvocationConfiguration
        {
            Output = host.Out,
            Error = host.Error,
            EnableDefaultExceptionHandler = false,
            ProcessTerminationTimeout = TimeSpan.FromSeconds(2), // the engine is ended before
        };
        return await parsed.InvokeAsync(invocation, cancel);
    }

    // The parser names the types of the code.
    private static string Message(ParseError error) =>
        error.SymbolResult is OptionResult { Option: { HelpName: { } values } option, Tokens: [.., var given] }
        && values.Contains('|', StringComparison.Ordinal)
        && values.All(c => c is '|' or '-' || char.IsAsciiLetterLower(c)) // words, not forms such as K/N
        && !values.Split('|').Contains(given.Value)
            ? $"{Wording.Quote(given.Value)} is no value of '{option.Name}'; it takes "
                + $"{values.Replace("|", ", ", StringComparison.Ordinal)}."
            : error.Message;

    private static RootCommand Root(CliHost host)
    {
        var root = new RootCommand(
            "A quality gate for neural classifiers: measures robustness and fairness, repairs a model that fails, "
                + "and measures it again."
        );
        var version = root.Options.OfType<VersionOption>().Single();
        version.Action = new PrintVersion(host.Out);
        root.Add(Check(host));
        root.Add(Shards.MergeCommand.Command(host));
        root.Add(Inspect(host));
        root.Add(Init.InitArguments.Command(host));
        root.Add(Schema(host));
        root.Add(Apply.ApplyCommand.Command(host));
        root.Add(Explain.ExplainCommand.Command(host));
        root.Add(History.HistoryCommand.Command(host));
        root.Add(Doctor.DoctorCommand.Command(host));
        root.Add(Completion.Command(host));
        return root;
    }

    private static Command Check(CliHost host)
    {
        var path = new Argument<string>("policy")
        {
            Description = $"The policy, or a folder that contains {PolicyReader.FileName}.",
            DefaultValueFactory = _ => ".",
            Arity = ArgumentArity.ZeroOrOne,
        };
        path.Validators.Add(result =>
        {
            // Without this a misspelt option would be taken for the policy's name.
            if (result.Tokens.FirstOrDefault(t => t.Value.StartsWith('-')) is { } token)
                result.AddError($"Unknown option '{token.Value}'.");
        });
        var report = new ReportOptions(
            "Git reference whose policy applies and whose model is the baseline (default in Actions: the event's base).",
            "The baseline model, for gates with 'drop'."
        );
        var repair = new Option<bool>("--repair")
        {
            Description = "Whether to repair a model that fails a gate.",
            DefaultValueFactory = _ => true,
        };
        var noRepair = new Option<bool>("--no-repair") { Description = "Measure only." };
        var full = new Option<bool>("--full")
        {
            Description = "Attack every input, even after the verdict is certain.",
        };
        var device = new Option<DeviceChoice?>("--device")
        {
            HelpName = "auto|cpu|cuda",
            Description = "Where the model computes (default: as the policy says).",
        };
        var cache = new Option<string?>("--cache")
        {
            HelpName = "folder",
            Description = "Folder for results that later runs reuse (default: the user's cache folder).",
        };
        cache.Validators.Add(result =>
        {
            if (result.Tokens is [{ Value: var path }] && File.Exists(path))
                result.AddError($"'--cache' needs a folder, but '{path}' is a file.");
        });
        var noCache = new Option<bool>("--no-cache") { Description = "Neither read nor write the cache." };
        var inputs = new Option<string?>("--inputs-file")
        {
            Description = "Write a list of the files that the run depends on.",
            HelpName = "file",
        };
        var shard = new Option<string?>("--shard")
        {
            HelpName = "K/N|auto|auto/N",
            Description =
                "Measure one of N shares of the work, for 'merge': all inputs, no repair, no cache "
                + "(auto: from Slurm, Kubernetes or AWS Batch).",
        };
        var part = new Option<string?>("--part")
        {
            HelpName = "file",
            Description = "Where a shard writes what it measured: a file, or a folder for parts named by number.",
        };
        var fix = new Option<string>("--fix")
        {
            HelpName = "artifact|commit|pull-request",
            Description =
                "What becomes of a repaired model in a pull request: a file, a commit on its branch, or a pull request "
                + "against its branch (github).",
            DefaultValueFactory = _ => "artifact",
        };
        fix.AcceptOnlyFromAmong("artifact", "commit", "pull-request");
        var command = new Command(
            "check",
            "Measures the model of a policy, evaluates every gate, and repairs a model that fails."
        )
        {
            path,
            repair,
            noRepair,
            full,
            device,
            cache,
            noCache,
            inputs,
            shard,
            part,
            fix,
        };
        foreach (var option in report.All)
            command.Add(option);
        command.SetAction(
            (parsed, cancel) =>
                new CheckCommand(host).RunAsync(
                    report.Read(parsed) with
                    {
                        Path = parsed.GetValue(path) is { Length: > 0 } given ? given : ".",
                        Repair = parsed.GetValue(repair) && !parsed.GetValue(noRepair),
                        Full = parsed.GetValue(full),
                        Device = parsed.GetValue(device),
                        Cache = parsed.GetValue(cache),
                        NoCache = parsed.GetValue(noCache),
                        InputsFile = parsed.GetValue(inputs),
                        Shard = parsed.GetValue(shard),
                        Part = parsed.GetValue(part),
                        Fix = parsed.GetValue(fix) switch
                        {
                            "commit" => FixMode.Commit,
                            "pull-request" => FixMode.PullRequest,
                            _ => FixMode.Artifact,
                        },
                    },
                    cancel
                )
        );
        return command;
    }

    private static Command Inspect(CliHost host)
    {
        var model = new Argument<string>("model") { Description = "An ONNX file." };
        var format = new Option<InspectFormat>("--format")
        {
            HelpName = "console|json",
            Description = "Output format.",
        };
        var command = new Command(
            "inspect",
            "Shows how the gate reads a model: inputs, output head, operators, and layers that a repair can use."
        )
        {
            model,
            format,
        };
        command.SetAction(
            (parsed, cancel) =>
                Task.FromResult(
                    InspectCommand.Run(parsed.GetRequiredValue(model), parsed.GetValue(format), host, cancel)
                )
        );
        return command;
    }

    private static Command Schema(CliHost host)
    {
        var command = new Command("schema", "Prints the JSON Schema of the policy, for editors.");
        command.SetAction(_ => host.Out.Write(PolicySchema.Generate()));
        return command;
    }

    // The built-in action names the process's own assembly, which in-process callers are not interested in.
    private sealed class PrintVersion(TextWriter output) : System.CommandLine.Invocation.SynchronousCommandLineAction
    {
        public override int Invoke(ParseResult parseResult)
        {
            output.WriteLine(Tool.Version);
            return 0;
        }
    }
}
