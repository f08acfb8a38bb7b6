using System.Collections.Immutable;
using System.CommandLine;
using PostTrainGate.Reading;

namespace PostTrainGate.Cli.Init;

/// <summary>The arguments of <c>posttraingate init</c>.</summary>
internal static class InitArguments
{
    /// <summary>The command.</summary>
    public static Command Command(CliHost host)
    {
        var model = new Argument<string>("model") { Description = "An ONNX file." };
        var data = new Argument<string>("data")
        {
            Description = "The data: CSV, Parquet, JSON, NPZ, IDX, or a folder with a folder of images for each class.",
        };
        var output = new Option<string>("--output")
        {
            HelpName = "file",
            Description = "The policy to write.",
            DefaultValueFactory = _ => PolicyReader.FileName,
        };
        var label = new Option<string?>("--label") { HelpName = "column", Description = "The column with the labels." };
        var sensitive = Names("--sensitive", "Columns whose groups must be treated alike.");
        var favorable = new Option<string?>("--favorable")
        {
            HelpName = "value",
            Description = "The label that people want.",
        };
        var except = Names("--except", "Columns that are no inputs of the model.");
        var yes = new Option<bool>("--yes", "-y") { Description = "Ask nothing; take the guesses." };
        var force = new Option<bool>("--force") { Description = "Replace a policy that is there." };
        var command = new Command("init", "Looks at a model and data, and writes a first policy that runs.")
        {
            model,
            data,
            output,
            label,
            sensitive,
            favorable,
            except,
            yes,
            force,
        };
        command.SetAction(
            (parsed, cancel) =>
                Task.FromResult(
                    new InitCommand(
                        host,
                        new()
                        {
                            Model = parsed.GetRequiredValue(model),
                            Data = parsed.GetRequiredValue(data).TrimEnd('/'),
                            Output = parsed.GetRequiredValue(output),
                            Label = parsed.GetValue(label),
                            Sensitive = List(parsed.GetValue(sensitive)),
                            Favorable = parsed.GetValue(favorable),
                            Except = List(parsed.GetValue(except)),
                            Yes = parsed.GetValue(yes),
                            Force = parsed.GetValue(force),
                        }
                    ).Run(cancel)
                )
        );
        return command;
    }

    private static Option<string?> Names(string name, string description) =>
        new(name) { HelpName = "column,column", Description = description };

    private static ImmutableArray<string>? List(string? names) =>
        names?.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).ToImmutableArray();
}
