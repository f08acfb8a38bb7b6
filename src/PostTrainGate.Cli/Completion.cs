using System.CommandLine;

namespace PostTrainGate.Cli;

/// <summary>
/// <c>posttraingate completion</c>: scripts that let a shell ask this program what could follow, by the
/// <c>[suggest]</c> directive of System.CommandLine.
/// </summary>
internal static class Completion
{
    private const string Bash = """
        _posttraingate() {
            local line
            COMPREPLY=()
            while IFS= read -r line; do
                [ "${line#"$2"}" != "$line" ] && COMPREPLY+=("$line")
            done < <("${COMP_WORDS[0]}" "[suggest:$COMP_POINT]" "$COMP_LINE" 2>/dev/null)
        }
        complete -o default -F _posttraingate posttraingate
        """;

    private const string Zsh = """
        _posttraingate() {
            local -a answers
            answers=("${(@f)$(${words[1]} "[suggest:$CURSOR]" "$BUFFER" 2>/dev/null)}")
            compadd -a answers || _files
        }
        compdef _posttraingate posttraingate
        """;

    private const string PowerShell = """
        Register-ArgumentCompleter -Native -CommandName posttraingate -ScriptBlock {
            param($word, $line, $cursor)
            posttraingate "[suggest:$cursor]" "$line" 2>$null |
                Where-Object { $_ -like "$word*" } |
                ForEach-Object { [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_) }
        }
        """;

    /// <summary>The command.</summary>
    public static Command Command(CliHost host)
    {
        var shell = new Argument<string>("shell") { Description = "bash, zsh or pwsh." };
        shell.AcceptOnlyFromAmong("bash", "zsh", "pwsh");
        var command = new Command("completion", "Prints the script that completes commands in a shell.") { shell };
        command.SetAction(parsed =>
            host.Out.Write(
                parsed.GetRequiredValue(shell) switch
                {
                    "bash" => Bash,
                    "zsh" => Zsh,
                    _ => PowerShell,
                } + "\n"
            )
        );
        return command;
    }
}
