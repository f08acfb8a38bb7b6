using PostTrainGate.Foundation;
using Spectre.Console;

namespace PostTrainGate.Cli.Output;

/// <summary>
/// One of the process's two outputs. A terminal gets color and folded lines; a log the same text without control
/// codes.
/// </summary>
internal sealed class Terminal
{
    private readonly TextWriter _writer;
    private readonly bool _terminal;

    private Terminal(TextWriter writer, bool terminal, CliHost host) =>
        (_writer, _terminal, Console) = (writer, terminal, Open(writer, terminal, host.Variable("NO_COLOR") is null));

    /// <summary>The console behind it.</summary>
    public IAnsiConsole Console { get; }

    /// <summary>Standard output.</summary>
    public static Terminal Out(CliHost host) => new(host.Out, host.OutIsTerminal, host);

    /// <summary>Standard error.</summary>
    public static Terminal Error(CliHost host) => new(host.Error, host.ErrorIsTerminal, host);

    /// <summary>A text object, not markup: nothing in a name is read as a style.</summary>
    public static Text Cell(string text) => new(Untrusted.Clean(text));

    /// <summary>
    /// A terminal folds between words; in a log a message stays one line, so that other programs recognize it.
    /// </summary>
    public void Say(string text, Style? style = null)
    {
        var clean = Untrusted.Clean(text, 4000);
        if (_terminal)
            Console.Write(new Text(clean + "\n", style));
        else
            _writer.WriteLine(clean);
    }

    /// <summary>A table; in a log the padding that completes its rectangle is only noise.</summary>
    public void Show(Table table)
    {
        if (_terminal)
        {
            Console.Write(table);
            return;
        }

        using var text = new StringWriter();
        Open(text, terminal: false, color: false).Write(table);
        foreach (
            var line in text.ToString()
                .Split('\n', StringSplitOptions.RemoveEmptyEntries)
                .Select(l => l.TrimEnd())
                .Where(l => l.Length > 0)
        )
            _writer.WriteLine(line);
    }

    private static IAnsiConsole Open(TextWriter writer, bool terminal, bool color)
    {
        var console = AnsiConsole.Create(
            new AnsiConsoleSettings
            {
                Out = new AnsiConsoleOutput(writer),
                Ansi = terminal ? AnsiSupport.Detect : AnsiSupport.No,
                ColorSystem = terminal && color ? ColorSystemSupport.Detect : ColorSystemSupport.NoColors,
                Interactive = terminal ? InteractionSupport.Detect : InteractionSupport.No,
            }
        );
        if (!terminal)
            console.Profile.Width = 10_000; // a log is not folded
        return console;
    }
}
