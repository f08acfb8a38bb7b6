using PostTrainGate.Foundation;
using Spectre.Console;

namespace PostTrainGate.Cli.Init;

/// <summary>Asks a person, who may choose none, one or several of the choices.</summary>
/// <param name="question">What is asked.</param>
internal delegate IReadOnlyList<string> AskPerson(Question question);

/// <summary>A question with a good guess.</summary>
/// <param name="Text">What is asked, in one line.</param>
/// <param name="Choices">What may be answered.</param>
/// <param name="Guess">What is likely right.</param>
/// <param name="Several">Whether none or several may be chosen.</param>
internal sealed record Question(
    string Text,
    IReadOnlyList<string> Choices,
    IReadOnlyList<string> Guess,
    bool Several = false
)
{
    private const int Shown = 12;

    /// <summary>Asks on this process's terminal; the guess stands first, so that Enter takes it.</summary>
    public static IReadOnlyList<string> OnTerminal(Question question)
    {
        var names = question.Guess.Concat(question.Choices.Except(question.Guess)).ToArray();
        if (!question.Several)
        {
            var one = new SelectionPrompt<string>()
                .Title(Markup.Escape(question.Text))
                .PageSize(Shown)
                .UseConverter(name => Markup.Escape(Untrusted.Clean(name)))
                .AddChoices(names);
            return [AnsiConsole.Prompt(one)];
        }

        var several = new MultiSelectionPrompt<string>()
            .Title(Markup.Escape(question.Text))
            .PageSize(Shown)
            .NotRequired()
            .InstructionsText("[grey](space chooses, Enter goes on)[/]")
            .UseConverter(name => Markup.Escape(Untrusted.Clean(name)))
            .AddChoices(names);
        foreach (var name in question.Guess)
            several.Select(name);
        return AnsiConsole.Prompt(several);
    }
}
