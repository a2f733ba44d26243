SELECT county FROM dashboard.finding UNION SELECT county FROM dashboard.pond_file ORDER BY 1
